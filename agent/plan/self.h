// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/snapshot.h"
#include "libcni/net/netlink.h"

namespace agent {

/// One global address of each family on link `parent`; empty: on the link that leads to the world,
/// the one of the default route with the lowest metric that has such an address, or without any
/// that of the way to most of `peers`. Of several addresses the one in the subnet of the default
/// gateway, the one with a subnet, then the lowest: never a temporary, secondary or deprecated one
/// while there is another. Throws std::system_error when the link or the route is missing.
std::vector<base::IpAddress> find_own_addresses(net::Netlink& netlink, const std::string& parent,
                                                std::span<const fabric::Node> peers);

/// This node: what the configuration says, else what the source says, else the `local` addresses.
/// Pure.
fabric::Node make_self(const Config& config, const Snapshot& snapshot,
                       const std::vector<base::IpAddress>& local);

/// The MACs of this node's tunnels where flannel's nodes read them in Kubernetes: what `self` tells
/// already, so that a restart, an upgrade and the change from flannel keep it, or one made of name
/// and address. Of no other node: flannel deletes the FDB entry of a node that goes by address and
/// MAC, which must not be the entry of this one (L2). Pure.
void choose_macs(fabric::Node& self, const std::vector<fabric::Node>& nodes);

/// While flannel's own devices are there, plumbd cannot make its own: the others send to their MACs
/// until then, and to plumbd's of the same MACs after (L4).
void take_macs_of_flannel(net::Netlink& netlink, std::uint32_t vni, fabric::Node& self);

/// Whether make_self() needs the local addresses.
bool needs_local_addresses(const Config& config, const Snapshot& snapshot);

}  // namespace agent
