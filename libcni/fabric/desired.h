// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"

namespace fabric {

/// rtm_protocol of what this suite writes; numbers that are not registered.
inline constexpr std::uint8_t kProtocolVxlan = 86;      ///< routes into the tunnel
inline constexpr std::uint8_t kProtocolDirect = 87;     ///< routes via a node of the same subnet
inline constexpr std::uint8_t kProtocolNeighbor = 88;   ///< neighbours and FDB entries
inline constexpr std::uint8_t kProtocolPod = 89;        ///< host routes to pods (`bgp` plugin)
inline constexpr std::uint8_t kProtocolBlackhole = 85;  ///< the own range, for pods that are gone
inline constexpr std::uint8_t kProtocolNetwork = 84;    ///< all routes of a scope (see Desired)
inline constexpr std::uint32_t kBlackholeMetric = 4096;
/// Metric of the route to a node that is used when BIRD's is gone.
inline constexpr std::uint32_t kFallbackMetric = 2048;
inline constexpr std::uint8_t kProtocolBird = 12;  ///< RTPROT_BIRD: what BIRD writes

/// A VXLAN device. It is bound to a local address and not to a parent link, so that it outlives the
/// parent.
struct VxlanDevice {
  std::string name;
  std::uint32_t vni = 1;
  std::uint16_t port = 4789;
  base::IpAddress local;
  base::Mac mac;
  int mtu = 1450;
  std::vector<base::Prefix> addresses = {};  ///< /32 and /128: base addresses of this node's ranges
  int master = 0;                            ///< bridge that it is a port of (l2), or 0
  bool learning = false;                     ///< l2 learns from the tunnel, l3 never
  bool operator==(const VxlanDevice&) const = default;
};

/// Where frames for a MAC go. All-zero MAC: flooded frames go there too (head-end replication).
struct FdbEntry {
  base::Mac mac;
  base::IpAddress remote;
  bool operator==(const FdbEntry&) const = default;
};

struct NeighborEntry {
  base::IpAddress address;
  base::Mac mac;
  bool operator==(const NeighborEntry&) const = default;
};

/// A VXLAN device and all of its remote ends.
struct Overlay {
  VxlanDevice device;
  std::vector<FdbEntry> fdb = {};
  std::vector<NeighborEntry> neighbors = {};
  bool operator==(const Overlay&) const = default;
};

/// A route of this suite. An empty `device` is the gateway's, as the kernel resolves it.
struct FabricRoute {
  base::Prefix dst;
  std::optional<base::IpAddress> gateway = {};
  std::string device = {};
  std::uint8_t protocol = kProtocolVxlan;
  bool onlink = false;
  bool blackhole = false;
  std::uint32_t metric = 0;
  bool operator==(const FabricRoute&) const = default;
};

/// A node that may send packets with these source addresses through the tunnel.
struct TunnelSource {
  base::IpAddress sender;
  base::Prefix inner;
  bool operator==(const TunnelSource&) const = default;
};

/// The one nf_tables table of this suite for traffic between nodes, `inet plumb`.
struct Traffic {
  std::vector<base::Prefix> own_ranges = {};      ///< pods of this node
  std::vector<base::Prefix> cluster_ranges = {};  ///< forwarded and never masqueraded
  std::vector<base::Prefix> no_masquerade = {};   ///< further destinations that see pod addresses
  bool masquerade = true;                         ///< of this node's pods towards everything else
  /// Ports whose VXLAN packets are untracked, and dropped unless they come from `vteps`.
  std::vector<std::uint16_t> vxlan_ports = {};
  std::vector<std::uint32_t> vnis = {};  ///< of those packets; other tunnels may use the port
  std::vector<base::IpAddress> vteps = {};
  /// The link of this node's address; by another comes only a sender to which it is the way.
  std::string parent = {};
  std::vector<TunnelSource> tunnel_sources = {};  ///< empty: sources are not checked
  bool bgp = false;  ///< BIRD makes a node's routes: pods reach BGP and BFD of no node
  std::vector<base::IpAddress> speakers = {};  ///< with `bgp`, the other nodes
  bool operator==(const Traffic&) const = default;
};

/// All objects that this node's kernel should hold for the cluster. apply() compares it with the
/// kernel.
struct Desired {
  /// Empty: the node agent's. Otherwise the name of a network that works without the agent. The
  /// devices, routes and table of each scope carry its mark, and apply() does not touch those of
  /// other scopes.
  std::string scope = {};
  /// Ranges of a named scope's routes that are not on its devices; all have kProtocolNetwork.
  std::vector<base::Prefix> scope_ranges = {};
  std::vector<Overlay> overlays = {};
  std::vector<FabricRoute> routes = {};
  std::optional<Traffic> traffic = {};  ///< nothing: no table
  /// False when made from an old list of nodes: then objects of nodes that are missing from it
  /// stay.
  bool complete = true;
  /// Nodes that the planner left out and why, one line each: the first few and a count of the rest.
  std::vector<std::string> problems = {};
  bool operator==(const Desired&) const = default;
};

}  // namespace fabric
