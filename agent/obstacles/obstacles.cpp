// SPDX-License-Identifier: Apache-2.0
#include "agent/obstacles/obstacles.h"

namespace agent {
namespace {

/// The pause between looks: each one reads all routes. After a change by plumbd the next is
/// earlier.
constexpr std::chrono::milliseconds kLookForShadowsSoon(9000);

}  // namespace

void Obstacles::look() {
  look_for_drops({});
  look_at_wiring();
  const bool soon = routes_changed_ || !route_shadows_.problem().empty();
  look_for_shadows(soon ? kLookForShadowsSoon : resync_);
}

void Obstacles::look_for_drops(std::chrono::milliseconds at_least) {
  if (!planner_.plan()) return;
  const auto& traffic = planner_.plan()->kernel.traffic;
  std::optional<fabric::Traffic> ranges;
  if (traffic)
    ranges = {.own_ranges = traffic->own_ranges, .cluster_ranges = traffic->cluster_ranges};
  forward_drops_.look(ranges, at_least);
}

void Obstacles::look_for_shadows(std::chrono::milliseconds at_least) {
  if (!planner_.plan()) return;
  if (route_shadows_.look(netlink_, planner_.plan()->kernel, at_least)) routes_changed_ = false;
}

void Obstacles::look_at_wiring() {
  if (planner_.plan()) old_wiring_.look(netlink_, planner_.state().self.ranges);
}

std::vector<std::string> Obstacles::texts() const {
  std::vector<std::string> all = forward_drops_.texts();
  if (!old_wiring_.problem().empty()) all.push_back(old_wiring_.problem());
  all.insert(all.end(), route_shadows_.texts().begin(), route_shadows_.texts().end());
  return all;
}

}  // namespace agent
