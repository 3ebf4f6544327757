// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/loop/log.h"
#include "agent/loop/loop.h"

namespace agent {

/// The state of one driver, for status and metrics.
struct DriverStatus {
  std::string name;
  std::uint64_t runs = 0;
  std::uint64_t errors = 0;
  std::uint64_t writes = 0;  ///< objects changed, or files written
  std::size_t desired = 0;   ///< objects wanted
  std::string problem = {};  ///< of the last run; empty when it succeeded
  Loop::Clock::time_point last_success = {};
  std::chrono::duration<double> duration = {};  ///< of the last run
  bool done_once = false;
};

/// A histogram of durations in seconds.
struct Histogram {
  static constexpr std::array kBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5};
  std::array<std::uint64_t, kBounds.size()> at_most{};
  std::uint64_t count = 0;
  double sum = 0;
  void add(double value);
};

/// The result of a driver's run.
struct DriverRun {
  std::size_t writes = 0;
  std::size_t desired = 0;
  std::string problem = {};  ///< the part that the driver could not do, although it went on
};

/// Runs drivers when something may have changed. The first request starts a round at once; requests
/// that come during a round start the next one after a pause as long as that round took (5 to
/// 100 ms). Without requests a round starts every 60 to 90 s, and 1 to 60 s after a driver has
/// failed. Requests from kernel events are collected for 5 ms and acted on at most
/// every 100 ms. Each run reads, compares and fixes, so that an unneeded run costs time only.
class Reconciler {
 public:
  using Run = std::function<DriverRun()>;
  /// How drivers depend on an earlier one: not at all, on one success, or on success in each round.
  enum class Needed { no, once, always };
  using Clock = Loop::Clock;

  /// `resync` is the mean time between rounds without a request.
  Reconciler(Loop& loop, std::chrono::seconds resync) : loop_(loop), resync_(resync) {}
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;
  ~Reconciler();

  /// Adds a driver; drivers run in this order. An exception of `run` becomes its problem. A round
  /// ends early at a driver that fails and is needed.
  void add(const std::string& name, Needed needed, Run run);
  /// Sets the function to call after each round.
  void set_done(std::function<void()> done) { done_ = std::move(done); }
  /// Requests a round of all drivers because something may have changed. `foreign`: a kernel event
  /// is the reason. When such rounds keep writing, another program keeps changing what plumbd
  /// writes, and rounds pause for 0.8 s.
  void request_round(bool foreign = false);
  /// Lets failed drivers run in the next round, because the cause of the failure is gone.
  void end_rests();
  /// Runs all drivers now, also those that wait for a retry.
  void run_now();

  const std::vector<DriverStatus>& status() const { return status_; }
  std::uint64_t rounds() const { return rounds_; }
  /// From the first request_round() to the end of the round.
  const Histogram& latencies() const { return latencies_; }

 private:
  struct Driver {
    Run run;
    Needed needed;
    Clock::time_point ended = {};
    Clock::time_point not_before = {};
    std::chrono::seconds backoff = {};
  };
  void schedule(Clock::time_point at);
  void round(bool all);
  bool may_run(Driver& driver, bool all);
  void run(std::size_t i);
  Clock::time_point next_round(Clock::time_point now) const;

  Loop& loop_;
  std::chrono::seconds resync_;
  std::vector<Driver> drivers_;
  std::vector<DriverStatus> status_;
  Conditions problems_;  ///< the same ones, as they are logged
  std::function<void()> done_ = [] {};
  Loop::TimerId timer_ = 0;
  Clock::time_point due_ = Clock::time_point::max();
  Clock::time_point last_end_ = {};
  Clock::time_point last_wanted_end_ = {};  ///< of a round that a change of the plan asked for
  Clock::duration last_wanted_time_ = {};   ///< how long that took
  std::optional<Clock::time_point> requested_at_;
  bool foreign_ = false;
  int rewrites_ = 0;  ///< rounds in a row that wrote again what another program had changed
  std::uint64_t rounds_ = 0;
  Histogram latencies_;
};

}  // namespace agent
