// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>

#include "agent/loop/loop.h"

namespace test {

/// A loop whose clock stands still until the test advances it: hours pass in no time, and a slow
/// machine changes nothing.
class TestLoop : public agent::Loop {
 public:
  using Duration = Clock::duration;
  TestLoop() : TestLoop(std::make_shared<Clock::time_point>(std::chrono::hours(1))) {}

  /// Lets `time` pass: each timer runs at the moment that it is due, as on an idle machine.
  void advance(Duration time) {
    const auto end = *now_ + time;
    while (next_timer() && *next_timer() <= end) {
      *now_ = std::max(*now_, *next_timer());
      turn(std::chrono::milliseconds(0));
    }
    *now_ = end;
    turn(std::chrono::milliseconds(0));
  }
  /// For a callback that takes `time`: moves the clock and runs nothing.
  void spend(Duration time) { *now_ += time; }

 private:
  explicit TestLoop(const std::shared_ptr<Clock::time_point>& now)
      : Loop([now] { return *now; }), now_(now) {}
  std::shared_ptr<Clock::time_point> now_;
};

}  // namespace test
