// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/snapshot.h"
#include "libcni/net/netlink.h"

namespace agent {

/// One global address of each family on link `parent`; empty: on the link of the default route
/// with the lowest metric that has such an address, or, without one, the link of the route to most
/// of `peers`. Among several addresses it prefers the one in the subnet of the default gateway,
/// then one with a subnet, then the lowest; a temporary, secondary or deprecated address comes
/// last. Throws std::system_error when the link or the route is missing.
std::vector<base::IpAddress> find_own_addresses(net::Netlink& netlink, const std::string& parent,
                                                std::span<const fabric::Node> peers);

/// This node with the values of the configuration, else of the source, else the `local` addresses.
/// Pure.
fabric::Node make_self(const Config& config, const Snapshot& snapshot,
                       const std::vector<base::IpAddress>& local);

/// Sets the MACs of this node's tunnels where flannel's nodes read them in Kubernetes. Keeps a MAC
/// that `self` has published, so that a restart, an upgrade and the change from flannel do not
/// change it; otherwise makes one of name and address. It differs from the MAC of every other node:
/// flannel deletes the FDB entry of a removed node by address and MAC, and that must not be this
/// node's entry. Pure.
void choose_macs(fabric::Node& self, const std::vector<fabric::Node>& nodes);

/// Takes over the MACs of flannel's own devices. While these exist, plumbd cannot make its own; the
/// other nodes send to their MACs, and go on when plumbd's devices have the same ones.
void take_macs_of_flannel(net::Netlink& netlink, std::uint32_t vni, fabric::Node& self);

/// Returns whether make_self() needs the local addresses.
bool needs_local_addresses(const Config& config, const Snapshot& snapshot);

}  // namespace agent
