// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/netlink.h"

namespace agent::bird {

/// Removes routes of BIRD's (RTPROT_BIRD) to the ranges in `routed`, or to parts of them, as far as
/// plumbd's own route to that range is in the kernel: so no packet is without a route. A BIRD that
/// ends leaves its routes (`persist`). Routes to single addresses go with `singles` only: they may
/// be those of pods that have moved. For a node whose BIRD works, or worked, by plumbd's
/// configuration; an operator's own BIRD may have such routes, too. Returns how many. Throws
/// std::system_error when the kernel cannot be read or refuses.
std::size_t remove_leftovers(net::Netlink& netlink, const std::vector<base::Prefix>& routed,
                             bool singles);

}  // namespace agent::bird
