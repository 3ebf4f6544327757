// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "agent/config/config.h"
#include "agent/plan/admit.h"
#include "agent/source/etcd/credentials.h"
#include "libcni/base/file.h"
#include "libcni/nodes/node_list.h"

namespace agent {
namespace {

class Lint {
 public:
  explicit Lint(const Config& config) : config_(config) {}

  std::vector<std::string> run() {
    check_network();
    check_source();
    check_bgp();
    if (!config_.cni_template.empty()) check_file("cniTemplate", config_.cni_template);
    if (!config_.cni_conf.empty() &&
        !std::filesystem::is_directory(std::filesystem::path(config_.cni_conf).parent_path()))
      add("cniConf", config_.cni_conf + ": the folder does not exist yet");
    return std::move(problems_);
  }

 private:
  void add(const std::string& key, const std::string& what) {
    problems_.push_back(key + ": " + what);
  }

  void check_file(const std::string& key, const std::string& path) {
    if (path.empty()) return;
    if (::access(path.c_str(), R_OK) != 0) add(key, path + " cannot be read");
  }

  void check_secret(const std::string& key, const std::string& path) {
    if (path.empty()) return;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return add(key, path + " cannot be read");
    if ((status.st_mode & 0077) != 0)
      add(key, path + " can be read by users other than its owner; set its mode to 0600");
  }

  void check_network() {
    const auto& cluster = config_.fabric.cluster_ranges;
    if (cluster.empty() && config_.source != Config::SourceKind::etcd)
      add("network.ranges",
          "not set: plumbd cannot distinguish the pods' ranges from other networks");
    for (std::size_t i = 0; i < cluster.size(); ++i)
      for (std::size_t j = i + 1; j < cluster.size(); ++j)
        if (cluster[i].overlaps(cluster[j]))
          add("network.ranges", cluster[i].text() + " and " + cluster[j].text() + " overlap");
    for (const base::Prefix& range : config_.ranges)
      if (!cluster.empty() && !base::any_contains(cluster, range))
        add("ranges", range.text() + " lies outside network.ranges");
  }

  void check_source() {
    using Kind = Config::SourceKind;
    if (config_.source == Kind::file) check_file("file.path", config_.file.path);
    if (config_.source == Kind::kubernetes)
      check_file("kubernetes.kubeconfig", config_.kubernetes.kubeconfig);
    if (config_.source != Kind::etcd) return;
    check_file("etcd.caFile", config_.etcd.ca_file);
    check_file("etcd.certFile", config_.etcd.cert_file);
    check_secret("etcd.keyFile", config_.etcd.key_file);
    check_secret("etcd.passwordFile", config_.etcd.password_file);
    if (const auto why = etcd::find_exposure(config_.etcd)) add("etcd.endpoints", *why);
    if (config_.etcd.cert_file.empty() != config_.etcd.key_file.empty())
      add("etcd.certFile", "must be set together with etcd.keyFile: one of them is missing");
  }

  void check_bgp() {
    const BgpConfig& bgp = config_.bgp;
    check_secret("bgp.passwordFile", bgp.password_file);
    for (const BgpPeer& peer : bgp.peers)
      check_secret("passwordFile of peer " + peer.name, peer.password_file);
    const bool speaks = config_.fabric.backend == fabric::Backend::bgp;
    if (!speaks && !bgp.peers.empty())
      add("bgp.peers", "have no effect: backend is " +
                           std::string(fabric::word_of(config_.fabric.backend)) + ", not bgp");
    if (config_.kubernetes.watch_services && config_.source != Config::SourceKind::kubernetes)
      add("bgp", "service addresses are only known with source: kubernetes");
  }

  const Config& config_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> config_problems(const Config& config) {
  return Lint(config).run();
}

std::vector<std::string> nodes_file_problems(const Config& config) {
  const std::string& path = config.file.path;
  if (config.source != Config::SourceKind::file || ::access(path.c_str(), R_OK) != 0) return {};
  try {
    nodes::NodeList list = nodes::parse_nodes(base::read_file(path), path);
    const bool listed =
        std::ranges::find(list.nodes, config.node_name, &fabric::Node::name) != list.nodes.end();
    nodes::sort_by_name(list.nodes);
    Admission admission =
        admit(std::move(list.nodes),
              {.cluster_ranges = config.fabric.cluster_ranges, .self = config.node_name});
    std::vector<std::string> problems = std::move(list.problems);
    for (const std::string& problem : admission.problems) problems.push_back(path + ": " + problem);
    if (!listed && config.ranges.empty())
      problems.push_back(path + ": does not name this node, \"" + config.node_name +
                         "\", and \"ranges\" is not set either");
    return problems;
  } catch (const std::exception& error) {
    return {error.what()};
  }
}

}  // namespace agent
