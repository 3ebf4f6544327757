// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/bird/driver.h"
#include "agent/bird/plan.h"
#include "agent/loop.h"
#include "agent/reconciler.h"

namespace agent::bird {

/// BIRD as one of the reconciler's drivers:
///
///     Speaker speaker_(config.bgp, loop, [this] { reconciler_.poke(); });
///     reconciler_.add("bird", Needed::no, [this] {
///       const State& state = planning_.state();
///       return speaker_.run(state.cluster, {state.self, state.underlay, state.options});
///     });
///
/// speaker_.status() is for status, nodes and metrics; speaker_.problems() are lines for people.
class Speaker {
 public:
  /// `config` lives as long as this. `news` runs when BIRD's answer changes what run() reports.
  Speaker(const BgpConfig& config, Loop& loop, std::function<void()> news);

  /// Plans and applies. BIRD answers later: until then the problem is the last answer's. Does
  /// nothing on a node that has never spoken BGP. Throws as plan() does.
  DriverRun run(const Snapshot& cluster, const Place& place);
  Status status() const { return driver_ ? driver_->status() : Status(); }
  /// What has no way in BGP mode, and sessions that wait for the other end, as of the last run().
  const std::vector<std::string>& problems() const { return problems_; }
  bool speaking() const { return driver_.has_value(); }

 private:
  const BgpConfig& config_;
  Loop& loop_;
  std::function<void()> news_;
  std::optional<Driver> driver_;
  std::vector<std::string> problems_;
  std::string problem_;
  bool running_ = false;  ///< run() is, which reports the answer itself
  std::uint64_t reconfigurations_ = 0;
};

}  // namespace agent::bird
