// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/drivers/bird/configuration.h"
#include "agent/source/snapshot.h"
#include "libcni/fabric/plan.h"

namespace agent::bird {

/// This node, and the state around it that its BGP plan depends on.
struct Place {
  const fabric::Node& self;
  const fabric::Underlay& underlay;
  const fabric::Options& options;  ///< the backend and the ranges of the cluster
  /// Ranges of other nodes that plumbd routes itself.
  std::vector<base::Prefix> routed = {};
  /// BIRD's configuration as plumbd wrote it last, or empty.
  std::string configuration = {};
};

/// Plans the BGP sessions and filters of `place.self`. Pure. `cluster.nodes` are admitted already
/// (no two share a range or an address) and may contain `self`. Two nodes have one session per
/// address family that both have, because such sessions fail, are shown and are filtered
/// independently, and their next hops need no translation. Only between nodes that have IPv6
/// addresses alone, one session carries both families.
///
/// With `bgp.reflectors` set, nodes have sessions with the selected nodes only; these wait for the
/// others to connect, and have sessions among themselves. Nodes whose backend is not `bgp` are left
/// out. Where `self` is one of them, it keeps the sessions of `place.configuration` with nodes that
/// still use BGP, or whose backend is unknown, so that these still reach its pods. Throws
/// std::invalid_argument when `self` has no address, when no node has the reflectors' labels, and
/// when two peers have one name.
Configuration plan(const BgpConfig& config, const Snapshot& cluster, const Place& place);

/// Returns whether this node speaks BGP at all: its backend is `bgp`, or a peer outside the cluster
/// is configured for it.
bool speaks_bgp(const BgpConfig& config, const Place& place);

/// Returns whether BIRD makes this node's routes to other nodes.
bool uses_bgp(const Place& place);

/// The router ID of `self`: its IPv4 address, else 32 bits of a hash of the IPv6 address. Where two
/// nodes would have the same one, the later node by name gets another.
std::uint32_t router_id(const fabric::Node& self, std::span<const fabric::Node> nodes);

}  // namespace agent::bird
