// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/snapshot.h"
#include "libcni/net/netlink.h"

namespace agent {

/// The first global address of each family on link `parent`; empty: on the link that leads to the
/// world. Throws std::system_error when there is no such link or route.
std::vector<base::IpAddress> find_own_addresses(net::Netlink& netlink, const std::string& parent);

/// This node: what the configuration says, else what the source says, else the `local` addresses.
/// Pure.
fabric::Node make_self(const Config& config, const Snapshot& snapshot,
                       const std::vector<base::IpAddress>& local);

/// Whether make_self() needs the local addresses.
bool needs_local_addresses(const Config& config, const Snapshot& snapshot);

}  // namespace agent
