// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/net/netlink.h"
#include "libcni/net/route.h"

namespace fabric {

/// Another program's route of the main table that the kernel takes for packets to `range`, or to a
/// part of it, before the planned route: its metric is lower, or its prefix is longer.
struct Shadow {
  base::Prefix range;  ///< destination of the planned route
  net::Route by;
};

/// All of them; no limit but the number of routes that lie in ranges of other nodes. None are:
/// routes that lead the same way as the planned one, routes of this suite, and single addresses
/// that BIRD routes, which are those of pods that have moved to another node. Reads all routes of
/// the main table: nothing for each change. Throws std::system_error when they cannot be read.
std::vector<Shadow> find_shadows(net::Netlink& netlink, const Desired& desired);

/// One line for people: which route shadows which one, and what to do.
std::string text_of(const Shadow& shadow);

/// The first ones' lines, and how many there are more.
std::vector<std::string> texts_of(const std::vector<Shadow>& shadows);

}  // namespace fabric
