// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/safety_valve.h"

#include <algorithm>

namespace agent {
namespace {

bool has_range(std::span<const fabric::Node> nodes, const std::string& name) {
  const auto found = std::ranges::lower_bound(nodes, name, {}, &fabric::Node::name);
  return found != nodes.end() && found->name == name && !found->ranges.empty();
}

}  // namespace

std::size_t count_lost(std::span<const fabric::Node> current,
                       std::span<const fabric::Node> wanted) {
  std::size_t lost = 0;
  auto next = wanted.begin();
  for (const fabric::Node& node : current) {
    while (next != wanted.end() && next->name < node.name) ++next;
    const bool listed = next != wanted.end() && next->name == node.name;
    if (!listed || (next->ranges.empty() && !node.ranges.empty())) ++lost;
  }
  return lost;
}

bool SafetyValve::passes(std::span<const fabric::Node> current,
                         std::span<const fabric::Node> wanted, Clock::time_point now) {
  const std::size_t lost = count_lost(current, wanted);
  const std::size_t left = current.size() - lost;
  // This node is always in the list, and without a list it has only the ranges of its
  // configuration. One of two nodes may be removed on purpose.
  const bool empty = lost > 0 && (left == 0 || (left == 1 && current.size() > 2));
  const bool own_lost = has_range(current, self_) && !has_range(wanted, self_);
  const bool hold = empty || own_lost || (lost > 10 && lost > current.size() / 2);
  if (!hold || (since_ && now >= *since_ + wait_)) {
    since_.reset();
    problem_.clear();
    return true;
  }
  if (!since_) since_ = now;
  problem_ = "the list is held back: it lacks " +
             std::string(own_lost ? "this node or its range, " : "") + std::to_string(lost) +
             " of " + std::to_string(current.size()) + " nodes; it is applied " +
             std::to_string(wait_.count()) + " s after it was first seen, if it does not change";
  return false;
}

std::optional<SafetyValve::Clock::time_point> SafetyValve::due() const {
  if (!since_) return std::nullopt;
  return *since_ + wait_;
}

}  // namespace agent
