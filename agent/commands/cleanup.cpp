// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>

#include "agent/commands/commands.h"
#include "agent/daemon/instance.h"
#include "agent/drivers/policy.h"
#include "libcni/base/file.h"
#include "libcni/fabric/apply.h"
#include "libcni/fabric/sysctls.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

/// Returns whether plumbd wrote the conflist: one of another program stays.
bool is_own_conflist(const Config& config) {
  const auto text = base::find_file(config.cni_conf);
  if (!text) return false;
  if (!config.cni_template.empty()) return text == base::find_file(config.cni_template);
  return text->find("\"name\": \"plumb\"") != text->npos;
}

/// Returns how many there were.
std::size_t remove_files(const Config& config) {
  std::vector<std::string> paths;
  if (!config.cni_conf.empty() && is_own_conflist(config)) paths.push_back(config.cni_conf);
  for (const char* name : {"/node.json", "/subnet.env"}) {
    paths.push_back(config.run_dir + name);
    paths.push_back(config.state_dir + name);
  }
  paths.push_back(config.run_dir + "/plumbd.sock");
  for (const char* ending : {"", ".candidate", ".new", ".candidate.new"})
    paths.push_back(config.bgp.bird_config + ending);
  // Lock files stay: a process that holds a removed lock and one that creates it anew would both
  // run.
  for (const char* name : {"/snapshot.json", "/etcd-ranges.json", "/format"})
    paths.push_back(config.state_dir + name);
  std::size_t removed = 0;
  for (const std::string& path : paths) {
    if (!base::remove_file(path)) continue;
    std::cout << "removed " << path << "\n";
    ++removed;
  }
  return removed;
}

/// Returns whether there were rules of network policies.
bool remove_policies() try {
  nft::Nft nft;
  if (!remove_policy_table(nft)) return false;
  std::cout << "removed table inet plumb_policy: no network policy protects the pods now\n";
  return true;
} catch (const std::system_error& error) {
  std::cerr << "plumbd: cannot look for network policies: " << error.what() << "\n";
  return false;
}

}  // namespace

int clean_up(const CommandLine& command_line) {
  const ConfigReading reading = load_config_for_agent(command_line);
  const Config& config = reading.config;
  if (!reading.folders_known && !command_line.force)
    throw cni::Error(
        cni::Code::invalid_config,
        "cannot find out whether plumbd runs, because mistakes in the configuration may hide "
        "runDir and stateDir: correct them, or use --force");
  for (const std::string& directory : {config.state_dir, config.run_dir}) {
    const auto holder = find_holder(directory);
    if (holder && !command_line.force)
      throw cni::Error(cni::Code::try_again_later,
                       "plumbd runs (" + *holder + "): stop it first, or use --force");
  }
  // Kernel objects first, the files that promise a network to pods last.
  net::Netlink netlink;
  const fabric::Report report = fabric::apply(netlink, {});
  for (const fabric::Change& change : report.changes)
    std::cout << "removed " << change.object << "\n";
  for (const std::string& error : report.errors) std::cerr << "plumbd: " << error << "\n";
  const fabric::RestoredSysctls sysctls = fabric::restore_sysctls(netlink, config.run_dir);
  for (const std::string& line : sysctls.restored) std::cout << "restored sysctl " << line << "\n";
  for (const std::string& line : sysctls.left) std::cout << "left sysctl " << line << "\n";
  const std::size_t tables = remove_policies() ? 1 : 0;
  if (tables + remove_files(config) + report.changes.size() + report.errors.size() == 0)
    std::cout << "nothing was left to remove\n";
  if (config.fabric.backend == fabric::Backend::bgp)
    std::cout << "BIRD's routes stay, also when it ends: stop it, then ip route flush proto bird, "
                 "and ip -6 route flush proto bird\n";
  return report.errors.empty() ? kOk : kFailed;
}

}  // namespace agent
