// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/fabric/plan.h"
#include "libcni/nodes/node_file.h"
#include "libcni/plugin/plugin.h"

namespace vxlan {

enum class Mode {
  l3,  ///< a range per node, routes between them
  l2,  ///< one subnet across nodes: the device is a port of the pods' bridge
};

/// The keys that are this plugin's own, checked (README.md); the others are bridge's or ptp's.
struct Conf {
  std::string pod_interface = "bridge";
  /// Peers or ranges are configured: there is no plumbd, the plugin makes the node's side itself.
  bool alone = false;
  Mode mode = Mode::l3;
  fabric::Options options = {};
  std::vector<base::IpAddress> local = {};  ///< `localAddress`; empty: the parent's, or a peer's
  std::string parent = {};
  std::vector<base::Prefix> ranges = {};  ///< of this node's pods
  std::vector<fabric::Node> peers = {};
  std::string peers_file = {};
  std::string bridge = "cni0";
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md has, and those of bridge and ptp.
std::string all_keys();

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// What the node gives the pod.
struct PodSide {
  std::vector<base::Prefix> ranges = {};   ///< the first of a family is for new pods
  std::vector<base::Prefix> former = {};   ///< further ones, of pods of before
  std::vector<base::Prefix> network = {};  ///< all pods of the cluster
  int mtu = 0;
  bool ip_masq = false;
};

/// The configuration that bridge or ptp gets: this one with `type`, and what it leaves open from
/// `side`. Without `side` it is for DEL and GC.
std::string make_pod_config(const cni::Request& request, const Conf& conf,
                            const std::optional<PodSide>& side);

/// Whether the configuration names an IPAM plugin.
bool has_ipam(const json::Object& config);

/// What make_pod_config() needs of Conf to remove a pod; nothing else of a configuration can fail
/// that (S-172).
Conf parse_conf_for_removal(const cni::Request& request);

}  // namespace vxlan
