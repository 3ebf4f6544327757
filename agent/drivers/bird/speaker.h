// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/drivers/bird/driver.h"
#include "agent/drivers/bird/plan.h"
#include "agent/loop/loop.h"
#include "agent/triggers/reconciler.h"
#include "libcni/net/netlink.h"

namespace agent::bird {

/// BIRD as one of the reconciler's drivers:
///
///     Speaker speaker_(config.bgp, loop, netlink, [this] { reconciler_.request_round(); });
///     reconciler_.add("bird", Needed::no, [this] {
///       const State& state = planner_.state();
///       return speaker_.run(state.cluster, {state.self, state.underlay, state.options,
///                                          fabric::routed_ranges(planner_.plan()->kernel)});
///     });
///
/// speaker_.status() is for status, nodes and metrics; speaker_.problems() are lines for people.
class Speaker {
 public:
  /// `config` lives as long as this. `news` runs when BIRD's answer changes what run() reports.
  Speaker(const BgpConfig& config, Loop& loop, net::Netlink& netlink, std::function<void()> news);

  /// Plans and applies. BIRD answers later; until then the problem is that of the last answer. Does
  /// nothing on a node that has never spoken BGP. On a node that has left BGP, or where plumbd
  /// now routes to some nodes itself, BIRD's routes to these ranges are removed at once, also those
  /// that a stopped BIRD left: they would win over plumbd's (IPv6). Throws as plan() does.
  DriverRun run(const Snapshot& cluster, Place place);
  Status status() const { return driver_ ? driver_->status() : Status(); }
  /// Peers without a session, and sessions that wait for the other end, as of the last run().
  const std::vector<std::string>& problems() const { return problems_; }
  /// Advice about sessions that work, as of the last run().
  const std::vector<std::string>& notes() const { return notes_; }
  /// True if the node uses BGP, or a BIRD on it still uses plumbd's configuration.
  bool speaking() const { return driver_ && (needed_ || driver_->status().running); }
  bool needed() const { return needed_; }  ///< the node uses BGP, as of the last run()

 private:
  const BgpConfig& config_;
  Loop& loop_;
  net::Netlink& netlink_;
  std::function<void()> news_;
  std::optional<Driver> driver_;
  std::vector<std::string> problems_, notes_;
  std::string problem_;
  bool needed_ = false;
  bool running_ = false;  ///< run() is running and reports the answer itself
  std::uint64_t reconfigurations_ = 0;
};

}  // namespace agent::bird
