// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/drivers/bird/desired.h"
#include "agent/source/snapshot.h"
#include "libcni/fabric/plan.h"

namespace agent::bird {

/// Where this node stands.
struct Place {
  const fabric::Node& self;
  const fabric::Underlay& underlay;
  const fabric::Options& options;  ///< the backend and the ranges of the cluster
  /// Ranges of other nodes that plumbd routes itself.
  std::vector<base::Prefix> routed = {};
  /// BIRD's configuration as plumbd wrote it last, or empty.
  std::string configuration = {};
};

/// What BIRD of `place.self` should do (multinode 5.4). Pure. `cluster.nodes` are admitted already
/// (no two with one range or address) and may contain `self`. One session per address family that
/// both nodes have: a session per family fails, is shown and is filtered alone, and its next hops
/// need no translation; only between nodes with nothing but IPv6 addresses one session carries
/// both.
///
/// With `bgp.reflectors` set, nodes have sessions with the selected ones only; those wait for the
/// others, and have sessions among themselves. Nodes whose backend is not `bgp` are left out. Where
/// `self` is one, it keeps the sessions that `place.configuration` has with nodes that use BGP
/// still, or do not say what they use: they would not reach its pods any more. Throws
/// std::invalid_argument when `self` has no address, when no node has the reflectors' labels, and
/// when two peers have one name.
Desired plan(const BgpConfig& config, const Snapshot& cluster, const Place& place);

/// Whether this node speaks BGP at all: its backend is `bgp`, or a peer outside is configured for
/// it.
bool speaks_bgp(const BgpConfig& config, const Place& place);

/// Whether the routes of this node to other nodes are BIRD's business.
bool uses_bgp(const Place& place);

/// Of every node in `nodes`' order of names: its IPv4 address, else 32 bits of a hash of the IPv6
/// one, another where two are the same.
std::uint32_t router_id(const fabric::Node& self, std::span<const fabric::Node> nodes);

}  // namespace agent::bird
