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

/// The checked values of this plugin's own keys (README.md); bridge and ptp read the others.
struct Conf {
  std::string pod_interface = "bridge";
  /// True when peers or ranges are configured: the plugin makes the node's side itself, without
  /// plumbd.
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

/// Every key that README.md documents, and those of bridge and ptp.
std::string all_keys();

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// The settings that the node supplies for the pod.
struct PodSide {
  std::vector<base::Prefix> ranges = {};   ///< the first of a family is for new pods
  std::vector<base::Prefix> former = {};   ///< further ranges, of earlier pods
  std::vector<base::Prefix> network = {};  ///< all pods of the cluster
  int mtu = 0;
  bool ip_masq = false;
};

/// The configuration for bridge or ptp: this one with their `type`, completed from `side`. Without
/// `side` it serves DEL and GC.
std::string make_pod_config(const cni::Request& request, const Conf& conf,
                            const std::optional<PodSide>& side);

/// Returns whether the configuration has an IPAM plugin.
bool has_ipam(const json::Object& config);

/// Reads only the keys that make_pod_config() needs to remove a pod, so that an otherwise broken
/// configuration does not prevent that.
Conf parse_conf_for_removal(const cni::Request& request);

}  // namespace vxlan
