// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/loop/loop.h"
#include "libcni/fabric/desired.h"
#include "libcni/net/netlink.h"

namespace agent {

/// Routes of other programs that the kernel takes before plumbd's (fabric::find_shadows()), looked
/// for now and then: each look reads every route of the main table. Looks take at most 2 % of
/// the time, also where another program keeps the routes of the whole Internet there.
class RouteShadows {
 public:
  /// Looks, unless the last look is less than `at_least` ago; returns whether it did.
  bool look(net::Netlink& netlink, const fabric::Desired& desired,
            std::chrono::milliseconds at_least);
  /// One line each, a handful and a count of the rest.
  const std::vector<std::string>& texts() const { return texts_; }
  /// Why they cannot be looked for; empty when they can.
  const std::string& problem() const { return problem_; }

 private:
  Loop::Clock::time_point looked_ = {};  ///< the end of the last look
  Loop::Clock::duration took_ = {};
  std::vector<std::string> texts_;
  std::string problem_;
};

}  // namespace agent
