// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/commands.h"

#include <unistd.h>

#include <exception>
#include <iostream>
#include <optional>
#include <utility>

#include "agent/commands/check.h"
#include "agent/commands/firewall.h"
#include "agent/commands/install.h"
#include "agent/config/problems.h"
#include "agent/daemon/confine.h"
#include "agent/daemon/daemon.h"
#include "agent/daemon/instance.h"
#include "agent/drivers/bird/notes.h"
#include "agent/drivers/bridged_services.h"
#include "agent/loop/log.h"
#include "agent/obstacles/forward_drops.h"
#include "agent/plan/planner.h"
#include "agent/source/cache.h"
#include "libcni/base/file.h"
#include "libcni/log/log.h"
#include "libcni/nodes/node_list.h"
#include "libcni/spec/error.h"

namespace agent {

namespace {

std::vector<std::string> all_problems(const Config& config) {
  std::vector<std::string> problems = unknown_variables(environ);
  const std::vector<std::string> more = config_problems(config);
  problems.insert(problems.end(), more.begin(), more.end());
  return problems;
}

/// Chains on this machine that would drop the packets of pods.
std::vector<std::string> forward_problems(const Config& config) try {
  std::vector<std::string> problems;
  nft::Nft nft;
  const fabric::Traffic traffic{.cluster_ranges = config.fabric.cluster_ranges};
  for (const fabric::ForwardDrop& drop : fabric::find_forward_drops(nft, traffic))
    problems.push_back(text_of(drop));
  return problems;
} catch (const std::system_error& error) {
  // A configuration can also be checked on another machine, and without root.
  std::cerr << "plumbd: cannot look for chains that drop forwarded packets: " << error.what()
            << "\n";
  return {};
}

/// Bridges on this machine that bypass kube-proxy's rules and that plumbd itself cannot change.
std::vector<std::string> bridge_problems(const Config& config) try {
  std::vector<std::string> problems;
  net::Netlink netlink;
  KubeProxy kube_proxy;
  for (const BlindBridge& bridge :
       find_blind_bridges(netlink, kube_proxy, config.fabric.cluster_ranges))
    if (!bridge.is_loaded) problems.push_back(text_of(bridge));
  return problems;
} catch (const std::system_error& error) {
  std::cerr << "plumbd: cannot check the bridges of pods: " << error.what() << "\n";
  return {};
}

std::string config_path(const CommandLine& command_line) {
  return command_line.config_file.value_or(kDefaultConfigFile);
}

std::string config_text(const CommandLine& command_line) {
  const std::string path = config_path(command_line);
  return command_line.config_file ? base::read_file(path) : base::find_file(path).value_or("");
}

/// Logs all mistakes of a configuration as one line.
void log_kept(const std::exception& error) {
  std::string text = error.what();
  for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at))
    text.replace(at, 1, "; ");
  log(LogLevel::error, "reload failed, keeping the previous configuration: " + text);
}

/// File, environment and flags together, with the host's name where no node is named.
ConfigReading read_all(const CommandLine& command_line, const std::string& text) {
  std::vector<Override> overrides = overrides_of(environ);
  overrides.insert(overrides.end(), command_line.overrides.begin(), command_line.overrides.end());
  ConfigReading reading = read_config(text, config_path(command_line), overrides);
  complete(reading.config);
  return reading;
}

}  // namespace

Config load_config(const CommandLine& command_line) {
  ConfigReading reading = read_all(command_line, config_text(command_line));
  require_sound(reading.problems);
  return std::move(reading.config);
}

ConfigReading load_config_for_agent(const CommandLine& command_line) {
  std::string text;
  std::vector<ConfigProblem> problems;
  try {
    text = config_text(command_line);
  } catch (const std::system_error& error) {
    problems.push_back({1, error.what()});
  }
  ConfigReading reading = read_all(command_line, text);
  reading.folders_known = reading.folders_known && problems.empty();
  std::vector<ConfigProblem> of_flags;
  for (const ConfigProblem& problem : reading.problems)
    (problem.line == 0 ? of_flags : problems).push_back(problem);
  require_sound(of_flags);
  for (const ConfigProblem& problem : problems)
    std::cerr << "plumbd: warning: " << problem.text << "\n";
  reading.problems = std::move(problems);
  return reading;
}

Known known_cluster(const Config& config) {
  const std::string cache = config.state_dir + "/snapshot.json";
  const std::string& path = config.file.path;
  if (config.source == Config::SourceKind::file)
    if (const auto text = base::find_file(path)) {
      nodes::NodeList list = nodes::parse_nodes(*text, path);
      nodes::sort_by_name(list.nodes);
      return {{.nodes = std::move(list.nodes), .problems = std::move(list.problems)}, path};
    }
  const auto text = base::find_file(cache);
  if (!text)
    throw cni::Error(
        cni::Code::try_again_later,
        "no plumbd answers on " + config.run_dir + "/plumbd.sock, and none has left " + cache +
            (config.source == Config::SourceKind::file ? "; there is no " + path : ""));
  return {parse_snapshot(*text, cache), cache, true};
}

int run_agent(const CommandLine& command_line) {
  confine();
  Config config = load_config(command_line);
  std::optional<Config> former;  // kept until the new one has proved to work
  for (;;) {
    logging::configure({.least = config.log_level, .format = config.log_format});
    for (const std::string& problem : all_problems(config)) log(LogLevel::warning, problem);
    try {
      const Instance instance(config);
      Daemon daemon(config);
      former.reset();
      if (daemon.run() == Daemon::End::stop) return kOk;
    } catch (const std::exception& error) {
      if (!former) throw;
      log_kept(error);
      config = *std::exchange(former, std::nullopt);
      continue;
    }
    try {
      former = std::exchange(config, load_config(command_line));
    } catch (const std::exception& error) {
      log_kept(error);
    }
  }
}

int check_config(const CommandLine& command_line) {
  const Config config = load_config(command_line);
  std::vector<std::string> problems = all_problems(config);
  for (const auto& more :
       {nodes_file_problems(config), forward_problems(config), bridge_problems(config)})
    problems.insert(problems.end(), more.begin(), more.end());
  for (const std::string& problem : problems) std::cout << problem << "\n";
  for (const std::string& note : bird::notes_on(config))
    std::cerr << "plumbd: note: " << note << "\n";
  if (problems.empty()) std::cout << "ok\n";
  return problems.empty() ? kOk : kFailed;
}

int print_firewall(const CommandLine& command_line) {
  const Config config = load_config(command_line);
  const auto format = find_firewall_format(command_line.format);
  if (!format)
    throw cni::Error(cni::Code::invalid_config,
                     "--format must be nft or iptables, not \"" + command_line.format + "\"");
  net::Netlink netlink;
  Planner planner(config, netlink);
  planner.run(known_cluster(config).snapshot, false);
  nft::Nft nft;
  std::cout << firewall_rules(config, planner.state(), *format,
                              fabric::list_forward_guards(nft, planner.plan()->kernel.traffic));
  return kOk;
}

int install(const CommandLine& command_line) {
  for (const std::string& name : install_plugins(command_line.from, command_line.to))
    std::cout << name << "\n";
  return kOk;
}

}  // namespace agent
