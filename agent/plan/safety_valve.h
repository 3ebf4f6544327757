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

/// Doubts a list of nodes that lacks more than half of those that are programmed, and more than
/// ten, or that has nobody left, or takes the pod range of `self` away: a broken source must not
/// cut a cluster, however small, nor this node's pods. The list is believed when it is still so
/// after `wait`.
class SafetyValve {
 public:
  using Clock = std::chrono::steady_clock;
  SafetyValve(std::chrono::seconds wait, std::string self) : wait_(wait), self_(std::move(self)) {}

  /// Whether `wanted` may be applied now over `current`; both sorted by name. The same doubt goes
  /// on from its first sighting whatever comes in between, until a list passes.
  bool passes(std::span<const fabric::Node> current, std::span<const fabric::Node> wanted,
              Clock::time_point now);
  /// When the doubted list is to be shown again; nothing when there is no doubt.
  std::optional<Clock::time_point> due() const;
  /// `the list lacks 40 of 50 nodes; applied in 30 s if it still does`; empty without doubt.
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
