// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/daemon/health.h"
#include "agent/plan/node_plan.h"
#include "libcni/fabric/apply.h"
#include "libcni/net/netlink.h"

namespace agent {

/// The objects of a plan that the kernel lacks or has otherwise, for questions about single
/// objects.
class Differences {
 public:
  explicit Differences(const fabric::Report& report);
  /// The change that `object`, such as `route 10.244.2.0/24`, needs; nothing when it is right.
  std::optional<fabric::Change::What> find(const std::string& object) const;

 private:
  std::vector<fabric::Change> changes_;  ///< sorted by object
  std::optional<fabric::Change::What> table_ = {};
};

/// How pods of `node` are reached: `this node`, `route via 10.0.0.2`, `vxlan to 10.0.0.2`, `bgp`,
/// `no pods` or `no route`.
std::string reached_by(const fabric::Node& node, const NodePlan& plan, const State& state);

/// Objects on the way to `node` that the kernel lacks, or has otherwise; empty when all are right.
std::vector<std::string> missing_to(const fabric::Node& node, const NodePlan& plan,
                                    const Differences& differences);

/// An answer for people, and the severity that follows from it.
struct Explanation {
  std::string text;
  Severity severity = Severity::healthy;
};

/// Explains how packets to each address are sent, one line per step: route, neighbour, FDB entry,
/// elements of the packet filter's sets. Says whether the kernel has each of them, whether another
/// program's route takes precedence, which link and next hop the kernel uses, and which chains of
/// other programs drop pods' packets. Throws std::system_error when the kernel cannot be read.
Explanation explain(std::span<const base::IpAddress> addresses, const NodePlan& plan,
                    const State& state, net::Netlink& netlink);
/// The same as JSON: members `text` and `health`.
std::string print_explanation(const Explanation& explanation);

/// A report of fabric::diff() as JSON, with the lines of fabric::texts_of().
std::string print_diff(const fabric::Report& report, const std::vector<std::string>& shadowed);

}  // namespace agent
