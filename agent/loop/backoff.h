// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

#include "libcni/base/random.h"

namespace agent {

/// The longest wait of a source between attempts to reach its server: in general (kRetryMost), and
/// once the server has answered (kRetryKnown). The latter plus the time of a connection attempt
/// brings a node back within 10 s of the server's return.
inline constexpr std::chrono::seconds kRetryMost(30), kRetryKnown(7);

/// Waiting times between attempts, from `least` to `most`: a random time between half of a limit
/// and the limit, which doubles, so that the nodes of a cluster do not retry at the same moment.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;
  Backoff(Milliseconds least, Milliseconds most) : least_(least), most_(most) { reset(); }

  Milliseconds next() {
    const auto whole = std::exchange(limit_, std::min(limit_ * 2, most_)).count();
    return Milliseconds(
        std::uniform_int_distribution<Milliseconds::rep>(whole / 2, whole)(random_));
  }
  /// From now on no wait is longer than `most`.
  void limit(Milliseconds most) {
    most_ = std::min(most_, most);
    limit_ = std::min(limit_, most_);
  }
  /// The server answered: no wait is longer than kRetryKnown any more, and the next is the first.
  void answered() {
    limit(kRetryKnown);
    reset();
  }
  void reset() { limit_ = std::min(least_ * 2, most_); }

 private:
  Milliseconds least_, most_, limit_{};
  std::minstd_rand random_{static_cast<std::minstd_rand::result_type>(base::random_seed())};
};

}  // namespace agent
