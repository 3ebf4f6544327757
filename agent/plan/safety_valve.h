// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libcni/fabric/node.h"

namespace agent {

/// Holds back a list of nodes that lacks more than half, and more than ten, of the programmed
/// nodes, or that has no other node left, or takes the pod range of `self` away. So a broken source
/// does not cut off a cluster, however small, nor this node's pods. The list is accepted when it is
/// the same after `wait`.
class SafetyValve {
 public:
  using Clock = std::chrono::steady_clock;
  SafetyValve(std::chrono::seconds wait, std::string self) : wait_(wait), self_(std::move(self)) {}

  /// Returns whether `wanted` may be applied now over `current`; both sorted by name. The wait
  /// counts from the first list that was held back until a list passes, whatever comes in between.
  bool passes(std::span<const fabric::Node> current, std::span<const fabric::Node> wanted,
              Clock::time_point now);
  /// The time to pass the held back list again; nothing when no list is held back.
  std::optional<Clock::time_point> due() const;
  /// `the list is held back: it lacks 40 of 50 nodes; ...`; empty when
  /// no list is held back.
  std::string problem() const { return problem_; }

 private:
  std::chrono::seconds wait_;
  std::string self_;
  std::optional<Clock::time_point> since_;
  std::string problem_;
};

/// How many nodes of `current` are not in `wanted`, or have no range there any more; both sorted by
/// name.
std::size_t count_lost(std::span<const fabric::Node> current, std::span<const fabric::Node> wanted);

}  // namespace agent
