// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/fabric/plan.h"

namespace agent {

/// `key=value` pairs that a node's labels must all have; empty selects every node.
using Selector = std::vector<std::pair<std::string, std::string>>;

struct FileSourceConfig {
  std::string path = "/etc/plumb/nodes";
  bool operator==(const FileSourceConfig&) const = default;
};

struct EtcdConfig {
  std::vector<std::string> endpoints = {"http://127.0.0.1:2379"};
  std::string prefix = "/coreos.com/network";  ///< flannel's, so that both can share a cluster
  std::string ca_file = {}, cert_file = {}, key_file = {};
  std::string username = {}, password_file = {};
  int lease_seconds = 86400;
  bool operator==(const EtcdConfig&) const = default;
};

struct KubernetesConfig {
  std::string kubeconfig = {};  ///< empty: the pod's service account
  /// Folder with `token` and `ca.crt`.
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string server = {};  ///< `https://HOST:PORT`; empty: KUBERNETES_SERVICE_HOST and _PORT
  /// Node annotations `<prefix>/backend-data` and so on; flannel's for rolling migration.
  std::string annotation_prefix = "plumb.io";
  bool watch_services = false;  ///< no key of its own: set when service addresses are announced
  bool operator==(const KubernetesConfig&) const = default;
};

/// A BGP neighbour outside the cluster, such as a top-of-rack router.
struct BgpPeer {
  std::string name = {};
  base::IpAddress address;
  std::uint32_t as_number = 0;
  std::uint32_t local_as = 0;  ///< 0: the node's
  std::uint16_t port = 179;
  Selector nodes = {};                        ///< which nodes have this session
  std::string node = {};                      ///< or just this one
  std::string password_file = {};             ///< TCP MD5 (RFC 2385); no access but its owner's
  bool ttl_security = false;                  ///< RFC 5082
  int multihop = 0;                           ///< hops, up to 255; 0: directly connected
  std::optional<bool> bfd = {};               ///< unset: as `bgp.bfd`
  int hold_seconds = 0;                       ///< 0: as `bgp.holdSeconds`
  std::vector<std::string> communities = {};  ///< `64512:100` or `64512:1:100`, added on export
  /// What is accepted from it, beside the cluster's ranges; never a default route.
  std::vector<base::Prefix> import_ranges = {};
  bool operator==(const BgpPeer&) const = default;
};

struct BgpConfig {
  std::uint32_t as_number = 64512;
  bool mesh = true;          ///< off where reflectors are selected, too
  Selector reflectors = {};  ///< nodes that reflect; empty: none, full mesh
  std::vector<BgpPeer> peers = {};
  bool bfd = false;
  int bfd_interval_ms = 300;
  int bfd_multiplier = 3;
  int hold_seconds = 0;          ///< 0: 9, or 90 where BFD watches the session
  bool graceful_restart = true;  ///< of sessions without BFD, which would contradict it
  /// Nodes wait up to so long, by a hash of their names, before they connect to a reflector, so
  /// that not all of them do at once. Keep it: a change restarts the sessions.
  int connect_jitter_seconds = 5;
  std::string password_file = {};  ///< of sessions inside the cluster
  std::vector<std::string> communities = {};
  /// Service addresses inside these are announced.
  std::vector<base::Prefix> cluster_ips = {}, external_ips = {}, load_balancer_ips = {};
  /// Host addresses with the pod protocol inside these are announced one by one (floating pods).
  /// Such addresses inside the cluster's ranges are announced anyway where they are in no range of
  /// the node.
  std::vector<base::Prefix> floating_ranges = {};
  std::string bird_config = "/run/plumb/bird.conf";
  std::string bird_socket = "/run/plumb/bird.ctl";
  std::string bird_group = "bird";  ///< owner of the configuration file, mode 0640
  bool operator==(const BgpConfig&) const = default;
};

enum class LogLevel { error, warning, info, debug };

/// Everything that plumbd can be told; docs/plumbd.yaml documents each key.
struct Config {
  std::string node_name = {};                   ///< `node`; default: host name
  std::vector<base::IpAddress> addresses = {};  ///< `addresses`; default: found by source or route
  std::string parent = {};                      ///< `interface`: take the addresses of this link
  std::vector<base::Prefix> ranges = {};        ///< `ranges`: own pod ranges; default: the source's
  fabric::Options fabric = {};                  ///< `network`, `backend`
  /// `network.rangeLengths`: size of a node's range by family, where the source allots it (etcd).
  std::map<int, int> range_lengths = {{AF_INET, 24}, {AF_INET6, 64}};
  enum class SourceKind { file, etcd, kubernetes } source = SourceKind::file;
  FileSourceConfig file = {};
  EtcdConfig etcd = {};
  KubernetesConfig kubernetes = {};
  BgpConfig bgp = {};
  std::string run_dir = "/run/plumb";        ///< subnet.env, node.json, plumbd.sock
  std::string state_dir = "/var/lib/plumb";  ///< snapshot.json, copies, lock
  std::string cni_conf = "/etc/cni/net.d/10-plumb.conflist";  ///< empty: none is written
  std::string cni_template = {};          ///< a conflist to write instead of the built-in one
  std::string listen = "127.0.0.1:9474";  ///< /healthz /readyz /metrics; empty: none
  int resync_seconds = 75;
  int safety_seconds = 30;  ///< how long a list that drops more than half of the nodes is doubted
  LogLevel log_level = LogLevel::info;  ///< `logLevel`
  bool operator==(const Config&) const = default;
};

/// One key, as flags and the environment set it over the file: `bgp.asNumber` = `64513`.
struct Override {
  std::string key;    ///< with dots
  std::string value;  ///< YAML: `true`, `[10.0.0.0/8]`, `text`
};

/// Reads YAML (or JSON). Throws cni::Error naming key, value and what would be right.
Config parse_config(const std::string& text, const std::string& file_name,
                    const std::vector<Override>& overrides = {});
/// Fills in what only this machine knows: the host name where no node is named.
void complete(Config& config);
/// `PLUMB_BGP_AS_NUMBER=64513` as `bgp.asNumber`, and NODE_NAME as `node`; `environment` is
/// environ(7). Throws cni::Error for a PLUMB_ variable that names no key.
std::vector<Override> overrides_of(const char* const* environment);
/// Label keys that any selector names; sources keep no others.
std::vector<std::string> label_keys(const Config& config);
bool selects(const Selector& selector, const fabric::Node& node);

}  // namespace agent
