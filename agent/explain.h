// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "agent/planner.h"
#include "libcni/fabric/apply.h"
#include "libcni/net/netlink.h"

namespace agent {

/// How pods of `node` are reached: `this node`, `route via 10.0.0.2`, `vxlan to 10.0.0.2`, `bgp`,
/// `no pods` or `no route`.
std::string reached_by(const fabric::Node& node, const NodePlan& plan, const State& state);

/// What the plan does with packets to each address, one line per step, for people: route,
/// neighbour, FDB entry, elements of the packet filter's sets; and whether the kernel has it.
/// Throws std::system_error when the kernel cannot be read.
std::string explain(std::span<const base::IpAddress> addresses, const NodePlan& plan,
                    const State& state, net::Netlink& netlink);

/// A report of fabric::diff() as JSON.
std::string print_diff(const fabric::Report& report);

}  // namespace agent
