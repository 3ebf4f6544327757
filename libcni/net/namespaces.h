// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "libcni/base/ip.h"
#include "libcni/net/netlink.h"

namespace net {

/// The addresses of every link of this namespace and of those that it knows by number
/// (RTM_GETNSID), such as the far ends of its veth pairs. Returns nothing when the kernel cannot
/// list other namespaces (before Linux 4.20), because a missing address would prove nothing then.
std::optional<std::set<base::IpAddress>> find_addresses_of_all(Netlink& netlink);

}  // namespace net
