// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/bgp.h"
#include "agent/config/problems.h"
#include "libcni/base/ip.h"
#include "libcni/fabric/plan.h"
#include "libcni/log/log.h"

namespace agent {

struct FileSourceConfig {
  std::string path = "/etc/plumb/nodes";
  bool operator==(const FileSourceConfig&) const = default;
};

struct EtcdConfig {
  std::vector<std::string> endpoints = {"http://127.0.0.1:2379"};
  std::string prefix = "/coreos.com/network";  ///< flannel's, so that both can share a cluster
  std::string ca_file = {}, cert_file = {}, key_file = {};
  std::string username = {}, password_file = {};
  bool insecure = false;  ///< the password may go over http:// to another machine
  int lease_seconds = 86400;
  bool operator==(const EtcdConfig&) const = default;
};

struct KubernetesConfig {
  std::string kubeconfig = {};  ///< empty: the pod's service account
  /// Folder with `token` and `ca.crt`.
  std::string service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string server = {};  ///< `https://HOST:PORT`; empty: KUBERNETES_SERVICE_HOST and _PORT
  /// A token or password may go over http:// to another machine, readable for everyone on the way.
  bool insecure = false;
  /// Node annotations `<prefix>/backend-data` and so on; flannel's for rolling migration.
  std::string annotation_prefix = "plumb.io";
  bool watch_services = false;  ///< not a key: set when service addresses are announced
  bool operator==(const KubernetesConfig&) const = default;
  /// The annotations are flannel's, whose nodes read them and compare their text.
  bool is_flannels() const { return annotation_prefix == "flannel.alpha.coreos.com"; }
};

/// Network policies (docs/policy.md).
struct PolicyConfig {
  std::string folder = {};  ///< of Kubernetes objects; empty: no policies
  bool operator==(const PolicyConfig&) const = default;
};

using LogLevel = logging::Level;
using LogFormat = logging::Format;

/// The whole configuration of plumbd; docs/plumbd.yaml documents each key.
struct Config {
  std::string node_name = {};                   ///< `node`; default: host name
  std::vector<base::IpAddress> addresses = {};  ///< `addresses`; default: found by source or route
  std::string parent = {};                      ///< `interface`: take the addresses of this link
  std::vector<base::Prefix> ranges = {};        ///< `ranges`: own pod ranges; default: the source's
  fabric::Options fabric = {};                  ///< `network`, `backend`
  /// `network.rangeLengths`: size of a node's range by family, where the source assigns it (etcd).
  std::map<int, int> range_lengths = {{AF_INET, 24}, {AF_INET6, 64}};
  enum class SourceKind { file, etcd, kubernetes } source = SourceKind::file;
  FileSourceConfig file = {};
  EtcdConfig etcd = {};
  KubernetesConfig kubernetes = {};
  BgpConfig bgp = {};
  PolicyConfig policies = {};
  std::string run_dir = "/run/plumb";        ///< subnet.env, node.json, plumbd.sock
  std::string state_dir = "/var/lib/plumb";  ///< snapshot.json, copies, lock
  std::string cni_conf = "/etc/cni/net.d/10-plumb.conflist";  ///< empty: none is written
  std::string cni_template = {};  ///< a conflist to write instead of the built-in one
  /// /healthz /readyz /metrics: ADDRESS:PORT, or the path of a Unix socket; empty: none
  std::string listen = "127.0.0.1:9474";
  int resync_seconds = 75;
  int safety_seconds = 30;              ///< how long a list without most of the nodes is held back
  LogLevel log_level = LogLevel::info;  ///< `logLevel`
  LogFormat log_format = LogFormat::text;  ///< `log.format`
  bool operator==(const Config&) const = default;
};

/// A key that a flag or the environment sets instead of the file: `bgp.asNumber` = `64513`.
struct Override {
  std::string key;    ///< with dots
  std::string value;  ///< YAML: `true`, `[10.0.0.0/8]`, `text`
};

/// A configuration as far as it can be read, and all of its mistakes.
struct ConfigReading {
  Config config;
  std::vector<ConfigProblem> problems = {};
  bool folders_known = true;  ///< no mistake hides what runDir and stateDir are set to
};

/// Reads YAML (or JSON). A problem names file, line, key, value and what would be right; the key
/// has its default then.
ConfigReading read_config(const std::string& text, const std::string& file_name,
                          const std::vector<Override>& overrides = {});
/// The same; throws cni::Error when there is a problem.
Config parse_config(const std::string& text, const std::string& file_name,
                    const std::vector<Override>& overrides = {});
/// Fills in the value that depends on this machine: the host name where no node is named.
void complete(Config& config);
/// `PLUMB_BGP_AS_NUMBER=64513` as `bgp.asNumber`, and NODE_NAME as `node`; `environment` is
/// environ(7).
std::vector<Override> overrides_of(const char* const* environment);
/// A line for each PLUMB_ variable that does not name a key. This is not an error: Kubernetes sets
/// such variables for a service that is called plumb.
std::vector<std::string> unknown_variables(const char* const* environment);
/// Label keys that any selector names; sources keep only these.
std::vector<std::string> label_keys(const Config& config);
bool selects(const Selector& selector, const fabric::Node& node);

}  // namespace agent
