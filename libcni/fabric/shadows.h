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

/// Finds all shadows; their number is only limited by the routes inside ranges of other nodes. Not
/// counted: routes with the same next hop and link as the planned one, routes of this suite, and
/// BIRD's routes to single addresses, which are pods that have moved to another node. Reads all
/// routes of the main table: too slow to run after each change. Throws std::system_error when they
/// cannot be read.
std::vector<Shadow> find_shadows(net::Netlink& netlink, const Desired& desired);

/// One line for people: which route shadows which planned route, and what to do.
std::string text_of(const Shadow& shadow);

/// The lines of the first shadows and a count of the rest.
std::vector<std::string> texts_of(const std::vector<Shadow>& shadows);

}  // namespace fabric
