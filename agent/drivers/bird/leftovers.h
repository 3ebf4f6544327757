// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/netlink.h"

namespace agent::bird {

/// Removes BIRD's routes (RTPROT_BIRD) to the ranges in `routed`, or to parts of them, where
/// plumbd's own route to that range is in the kernel, so that packets always have a route. A BIRD
/// that ends leaves its routes behind (`persist`). Routes to single addresses are removed with
/// `singles` only: they may lead to pods that have moved. Call it only on a node whose BIRD uses,
/// or used, plumbd's configuration: an operator's own BIRD may have such routes, too. Returns the
/// number of removed routes. Throws std::system_error when the kernel cannot be read or refuses.
std::size_t remove_leftovers(net::Netlink& netlink, const std::vector<base::Prefix>& routed,
                             bool singles);

}  // namespace agent::bird
