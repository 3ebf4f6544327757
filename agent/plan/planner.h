// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/plan/admit.h"
#include "agent/plan/former_ranges.h"
#include "agent/plan/node_plan.h"
#include "agent/plan/safety_valve.h"
#include "libcni/net/netlink.h"

namespace agent {

/// Makes a plan from a source's snapshot: finds this node, admits the nodes, holds back a list that
/// shrinks too much or takes this node's range away, and plans. The last plan stays in force when
/// the next run fails.
class Planner {
 public:
  Planner(const Config& config, net::Netlink& netlink)
      : config_(config),
        netlink_(netlink),
        valve_(std::chrono::seconds(config.safety_seconds), config.node_name),
        former_(config) {}

  /// `applied` are the nodes that an earlier process had applied: a list without most of them is
  /// held back.
  void remember(std::vector<fabric::Node> applied) { remembered_ = std::move(applied); }

  /// Reads the kernel, without a change to it, and plans anew. Throws std::system_error,
  /// std::invalid_argument or cni::Error when no plan is possible.
  void run(const Snapshot& snapshot, bool stale);

  /// The last plan; nothing before the first successful run().
  const std::optional<NodePlan>& plan() const { return plan_; }
  const State& state() const { return state_; }
  /// The plan before the last change of the plan, for fabric::apply_delta(). Returned once.
  std::optional<fabric::Desired> take_before() { return std::exchange(before_, std::nullopt); }
  /// Ranges whose gateways are to be removed from this node's bridges, each returned once.
  std::vector<base::Prefix> take_withdrawn() { return former_.take_withdrawn(); }
  /// Nodes left out and lists held back; one line each.
  std::vector<std::string> problems() const;
  const SafetyValve& valve() const { return valve_; }
  const FormerRanges& former() const { return former_; }
  /// This node as it is published to the others: its addresses, as far as they are known without a
  /// plan, and the former ranges that the last run() kept.
  fabric::Node find_self(const Snapshot& snapshot) const;

 private:
  const std::vector<fabric::Node>& applied() const {
    return plan_ ? state_.cluster.nodes : remembered_;
  }
  fabric::Underlay find_underlay(const fabric::Options& options, const fabric::Node& self) const;
  void find_mtu(State& next) const;
  Admission admit_all(const Snapshot& snapshot, const State& next) const;
  Admission admit_with_former(const Snapshot& snapshot, State& next);
  bool loses_ranges(const State& next) const;
  std::vector<base::Prefix> former_of(const fabric::Node& self) const;

  const Config& config_;
  net::Netlink& netlink_;
  SafetyValve valve_;
  FormerRanges former_;
  std::vector<fabric::Node> remembered_;  ///< until there is a plan
  State state_;
  std::optional<NodePlan> plan_;
  std::optional<fabric::Desired> before_;
  std::vector<std::string> source_problems_;
  std::vector<std::string> left_out_;
};

}  // namespace agent
