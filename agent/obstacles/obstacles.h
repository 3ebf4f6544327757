// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/obstacles/forward_drops.h"
#include "agent/obstacles/old_wiring.h"
#include "agent/obstacles/route_shadows.h"
#include "agent/plan/planner.h"

namespace agent {

/// Finds obstacles that keep packets from pods although the kernel is as planned: chains and routes
/// of other programs, and pods that were made with another wiring. Looks for nothing without a
/// plan.
class Obstacles {
 public:
  Obstacles(net::Netlink& netlink, const Planner& planner, const Config& config)
      : netlink_(netlink),
        planner_(planner),
        resync_(config.resync_seconds),
        old_wiring_(config.cni_conf) {}

  /// Makes the next look for routes come soon, because the kernel driver has changed some.
  void expect_shadows() { routes_changed_ = true; }
  /// The regular look, every few seconds.
  void look();
  /// Look to answer a question, unless the last look is less than `at_least` ago.
  void look_for_drops(std::chrono::milliseconds at_least);
  void look_for_shadows(std::chrono::milliseconds at_least);
  void look_at_wiring();

  const ForwardDrops& forward_drops() const { return forward_drops_; }
  const OldWiring& old_wiring() const { return old_wiring_; }
  const RouteShadows& route_shadows() const { return route_shadows_; }
  /// All obstacles, one line each.
  std::vector<std::string> texts() const;

 private:
  net::Netlink& netlink_;
  const Planner& planner_;
  std::chrono::seconds resync_;
  ForwardDrops forward_drops_;
  OldWiring old_wiring_;
  RouteShadows route_shadows_;
  bool routes_changed_ = true;  ///< since the last look at routes of others
};

}  // namespace agent
