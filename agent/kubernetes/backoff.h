// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace agent::kubernetes {

/// Waiting times between attempts: each twice the last, from `least` to `most`, with jitter so that
/// the nodes of a cluster do not come back in step.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;
  Backoff(Milliseconds least, Milliseconds most) : least_(least), most_(most), next_(least) {}

  /// Between a half and the whole of the current time, but not below `least`.
  Milliseconds next() {
    const Milliseconds whole = std::exchange(next_, std::min(next_ * 2, most_));
    std::uniform_int_distribution<Milliseconds::rep> jitter(whole.count() / 2, whole.count());
    return std::max(least_, Milliseconds(jitter(random_)));
  }
  void reset() { next_ = least_; }

 private:
  Milliseconds least_, most_, next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace agent::kubernetes
