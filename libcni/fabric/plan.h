// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/fabric/node.h"

namespace fabric {

/// This node's own connection to the others, as read from the kernel.
struct Underlay {
  std::string parent;                      ///< the link that has the node's address
  int mtu = 1500;                          ///< of the parent
  std::vector<base::Prefix> subnets = {};  ///< connected on the parent: their addresses are on link
  bool operator==(const Underlay&) const = default;
};

/// The settings that an operator chooses.
struct Options {
  Backend backend = Backend::automatic;
  std::uint32_t vni = 1;
  std::uint16_t port = 4789;
  int mtu = 0;              ///< of the tunnel; 0: the parent's minus the overhead
  int underlay_family = 0;  ///< AF_INET, AF_INET6; 0: IPv4 where this node has it
  std::string device =
      "plumb-vxlan";  ///< the name; flannel: `flannel.<vni>` and `flannel-v6.<vni>`
  /// As flannel does: IPv4 ranges over an IPv4 device, IPv6 ranges over an IPv6 one of its own.
  bool flannel = false;
  std::vector<base::Prefix> cluster_ranges = {};
  std::vector<base::Prefix> no_masquerade = {};
  bool masquerade = true;
  bool operator==(const Options&) const = default;
};

/// Plans what the kernel of `self` should hold so that its pods reach those of `peers`. Pure.
/// `peers` are admitted already (no two share a range or an address) and may contain `self`, which
/// is skipped. A peer that cannot be reached is left out and named in Desired::problems, without
/// effect on the others. Throws std::invalid_argument naming the node or option when no plan is
/// possible: `self` has no address of the underlay's family, or the MTU is below 1280 with IPv6
/// ranges.
Desired plan(const Node& self, std::span<const Node> peers, const Options& options,
             const Underlay& underlay);

/// Destinations in other nodes that `desired` routes, without fallback routes.
std::vector<base::Prefix> routed_ranges(const Desired& desired);

/// Bytes that VXLAN adds: 50 over IPv4, 70 over IPv6.
int vxlan_overhead(int underlay_family);
/// The MTU of pods: the tunnel's where there can be a tunnel, otherwise the parent's.
int pod_mtu(const Options& options, const Underlay& underlay, int underlay_family);

}  // namespace fabric
