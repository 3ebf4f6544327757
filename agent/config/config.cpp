// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <nlohmann/json.hpp>

#include "agent/config/endpoint.h"
#include "agent/config/keys.h"
#include "agent/config/reader.h"
#include "agent/config/yaml.h"
#include "libcni/base/names.h"
#include "libcni/base/nearest.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr Bounds kPorts{1, 65535};
/// The smallest MTU of IPv6 (RFC 8200, 5), and the largest of a virtual device.
constexpr Bounds kMtus{1280, 65535};

/// Sets the dotted `key` to `value` and creates the objects on its path.
void set_member(nlohmann::json& document, const Override& change, ProblemCollector& problems) {
  const auto known = config_keys();
  if (std::ranges::find(known, change.key) == known.end() &&
      !change.key.starts_with("bgp.reflectors."))
    return problems.add_at(
        0, "unknown key " + json::quote(change.key) + base::did_you_mean(change.key, known));
  // A mistake in the value has no line in the file.
  std::erase_if(problems.lines, [&](const auto& line) {
    return line.first == change.key || line.first.starts_with(change.key + ".") ||
           line.first.starts_with(change.key + "[");
  });
  problems.lines[change.key] = 0;
  nlohmann::json* at = &document;
  std::string_view rest = change.key;
  for (auto dot = rest.find('.'); dot != rest.npos; dot = rest.find('.')) {
    at = &(*at)[std::string(rest.substr(0, dot))];
    if (!at->is_object()) *at = nlohmann::json::object();
    rest.remove_prefix(dot + 1);
  }
  ProblemCollector of_value("");
  (*at)[std::string(rest)] = parse_yaml(change.value, of_value);
  for (const ConfigProblem& problem : of_value.sorted())
    problems.add_at(0, "value of " + change.key + problem.text);
}

json::Object document_of(const std::string& text, const std::vector<Override>& overrides,
                         ProblemCollector& problems) {
  auto document = std::make_shared<nlohmann::json>(parse_yaml(text, problems));
  if (!document->is_object() && !document->is_null()) {
    problems.truncated = true;
    problems.add_at(1, "must be keys and values, such as `backend: vxlan`");
  }
  if (!document->is_object()) *document = nlohmann::json::object();
  for (const Override& change : overrides) set_member(*document, change, problems);
  return {document, *document, {}};
}

void read_network(const ConfigReader& reader, Config& config) {
  reader.read("ranges", config.fabric.cluster_ranges);
  reader.read("noMasquerade", config.fabric.no_masquerade);
  reader.read("masquerade", config.fabric.masquerade);
  const ConfigReader lengths = reader.below("rangeLengths");
  lengths.read("ipv4", config.range_lengths[AF_INET], {8, 30});
  lengths.read("ipv6", config.range_lengths[AF_INET6], {16, 126});
}

void read_underlay(const ConfigReader& reader, fabric::Options& options) {
  std::string word;
  reader.read("backend", word);
  if (!word.empty()) {
    const auto backend = fabric::find_backend(word);
    if (!backend) reader.refuse("backend", "auto, vxlan, host-gw or bgp");
    options.backend = backend.value_or(options.backend);
  }
  word.clear();
  reader.read("underlay", word);
  if (word == "ipv4") options.underlay_family = AF_INET;
  if (word == "ipv6") options.underlay_family = AF_INET6;
  if (!word.empty() && word != "auto" && options.underlay_family == 0)
    reader.refuse("underlay", "auto, ipv4 or ipv6");
  reader.read_unless_zero("mtu", options.mtu, kMtus);
  const ConfigReader vxlan = reader.below("vxlan");
  vxlan.read("vni", options.vni, {1, 0xffffff});
  vxlan.read("port", options.port, kPorts);
  vxlan.read("device", options.device);
  vxlan.read("flannel", options.flannel);
  if (const std::string why = base::ifname_problem(options.device); !why.empty())
    vxlan.refuse("device", "a name of a link: " + why);
}

void read_source(const ConfigReader& reader, Config& config) {
  std::string word;
  reader.read("source", word);
  using Kind = Config::SourceKind;
  if (word == "kubernetes")
    config.source = Kind::kubernetes;
  else if (word == "etcd")
    config.source = Kind::etcd;
  else if (!word.empty() && word != "file")
    reader.refuse("source", "file, etcd or kubernetes");
  reader.below("file").read("path", config.file.path);
  const ConfigReader etcd = reader.below("etcd");
  etcd.read("endpoints", config.etcd.endpoints);
  etcd.read("prefix", config.etcd.prefix);
  etcd.read("caFile", config.etcd.ca_file);
  etcd.read("certFile", config.etcd.cert_file);
  etcd.read("keyFile", config.etcd.key_file);
  etcd.read("username", config.etcd.username);
  etcd.read("passwordFile", config.etcd.password_file);
  etcd.read("insecure", config.etcd.insecure);
  etcd.read("leaseSeconds", config.etcd.lease_seconds, {5, 86400 * 30});
  if (config.etcd.endpoints.empty())
    etcd.refuse("endpoints", "at least one URL such as http://127.0.0.1:2379");
  const ConfigReader kubernetes = reader.below("kubernetes");
  kubernetes.read("kubeconfig", config.kubernetes.kubeconfig);
  kubernetes.read("serviceAccount", config.kubernetes.service_account);
  kubernetes.read("server", config.kubernetes.server);
  kubernetes.read("insecure", config.kubernetes.insecure);
  kubernetes.read("annotationPrefix", config.kubernetes.annotation_prefix);
}

void read_log_level(const ConfigReader& reader, LogLevel& level) {
  constexpr std::array<std::string_view, 4> kWords{"error", "warning", "info", "debug"};
  std::string word;
  reader.read("logLevel", word);
  if (word.empty()) return;
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return reader.refuse("logLevel", "error, warning, info or debug");
  level = static_cast<LogLevel>(found - kWords.begin());
}

void read_log_format(const ConfigReader& reader, LogFormat& format) {
  std::string word;
  reader.read("format", word);
  if (word == "json") format = LogFormat::json;
  if (!word.empty() && word != "json" && word != "text") reader.refuse("format", "text or json");
}

/// Returns whether both are as configured, and no mistake may hide another value.
bool read_folders(const ConfigReader& reader, Config& config, const ProblemCollector& problems) {
  reader.read("runDir", config.run_dir);
  reader.read("stateDir", config.state_dir);
  // The problem of a misspelt key such as `rundir` suggests the right one.
  const bool all_read = !problems.truncated || (reader.has("runDir") && reader.has("stateDir"));
  return all_read && !problems.mentions("\"runDir\"") && !problems.mentions("\"stateDir\"");
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace

ConfigReading read_config(const std::string& text, const std::string& file_name,
                          const std::vector<Override>& overrides) {
  Config config;
  ProblemCollector problems(file_name);
  const ConfigReader reader(document_of(text, overrides, problems), problems);
  reader.read("node", config.node_name);
  reader.read("interface", config.parent);
  reader.read("addresses", config.addresses);
  reader.read("ranges", config.ranges);
  read_network(reader.below("network"), config);
  read_underlay(reader, config.fabric);
  read_source(reader, config);
  const bool folders_known = read_folders(reader, config, problems);
  config.bgp.bird_config = config.run_dir + "/bird.conf";
  config.bgp.bird_socket = config.run_dir + "/bird.ctl";
  read_bgp(reader.below("bgp"), config.bgp);
  config.kubernetes.watch_services = !config.bgp.cluster_ips.empty() ||
                                     !config.bgp.external_ips.empty() ||
                                     !config.bgp.load_balancer_ips.empty();
  reader.below("policies").read("folder", config.policies.folder);
  reader.read("cniConf", config.cni_conf);
  reader.read("cniTemplate", config.cni_template);
  reader.read("listen", config.listen);
  if (!config.listen.empty() && !is_socket_path(config.listen))
    reader.attempt("listen", [&] { parse_endpoint(config.listen); });
  reader.read("resyncSeconds", config.resync_seconds, {1, 3600});
  reader.read("safetySeconds", config.safety_seconds, {0, 3600});
  read_log_level(reader, config.log_level);
  read_log_format(reader.below("log"), config.log_format);
  return {std::move(config), problems.sorted(), folders_known};
}

Config parse_config(const std::string& text, const std::string& file_name,
                    const std::vector<Override>& overrides) {
  ConfigReading reading = read_config(text, file_name, overrides);
  require_sound(reading.problems);
  return std::move(reading.config);
}

void complete(Config& config) {
  if (config.node_name.empty()) config.node_name = host_name();
}

std::vector<Override> overrides_of(const char* const* environment) {
  std::vector<Override> found;
  for (; *environment != nullptr; ++environment) {
    const char* equals = std::strchr(*environment, '=');
    if (equals == nullptr) continue;
    const std::string name(*environment, equals);
    if (name == "NODE_NAME")
      found.insert(found.begin(), {"node", nlohmann::json(equals + 1).dump()});
    if (!name.starts_with("PLUMB_") || name == "PLUMB_CONFIG") continue;
    const auto keys = config_keys();
    const auto key = std::ranges::find(keys, name, environment_name);
    if (key != keys.end()) found.push_back({std::string(*key), equals + 1});
  }
  return found;
}

std::vector<std::string> unknown_variables(const char* const* environment) {
  std::vector<std::string> unknown;
  for (; *environment != nullptr; ++environment) {
    const std::string name(*environment, std::strcspn(*environment, "="));
    const auto keys = config_keys();
    if (name.starts_with("PLUMB_") && name != "PLUMB_CONFIG" &&
        std::ranges::find(keys, name, environment_name) == keys.end())
      unknown.push_back("environment variable " + name + " names no key of the configuration");
  }
  return unknown;
}

std::vector<std::string> label_keys(const Config& config) {
  std::vector<std::string> keys;
  const auto add = [&](const Selector& selector) {
    for (const auto& [key, value] : selector) keys.push_back(key);
  };
  add(config.bgp.reflectors);
  for (const BgpPeer& peer : config.bgp.peers) add(peer.nodes);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

bool selects(const Selector& selector, const fabric::Node& node) {
  return std::ranges::all_of(selector, [&](const auto& label) {
    return std::ranges::find(node.labels, label) != node.labels.end();
  });
}

}  // namespace agent
