// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "libcni/fabric/node.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/net/route.h"

namespace fabric {

/// A link by which packets to the peers' addresses leave, and the number of networks of peers that
/// it leads to.
struct Way {
  net::Link link;
  std::size_t networks = 0;
};
/// The ways to the peers' addresses of `family`, by index of the link. Asks the kernel once for all
/// peers of one /24 or /64: 5000 nodes lie in a few dozen. Leaves out loopback and this suite's own
/// tunnels.
std::map<int, Way> find_ways(net::Netlink& netlink, std::span<const Node> peers, int family);

/// The MTU of the narrowest of these ways, whichever link has this node's address; nothing when no
/// peer can be reached.
std::optional<int> find_mtu_to(net::Netlink& netlink, std::span<const Node> peers, int family);

/// Default routes of `family` in the main table whose link is up, by metric.
std::vector<net::Route> list_default_routes(net::Netlink& netlink, int family);

}  // namespace fabric
