// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace agent::etcd {

/// How long to wait after the next failure: doubles from `first` to `most`, of which a random part
/// between half and all is waited, so that a thousand nodes do not come back at once.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;
  Backoff(Milliseconds first, Milliseconds most) : first_(first), most_(most), next_(first) {}

  Milliseconds next(std::mt19937_64& random) {
    const Milliseconds whole = next_;
    next_ = std::min(next_ * 2, most_);
    return Milliseconds(
        std::uniform_int_distribution<Milliseconds::rep>(whole.count() / 2, whole.count())(random));
  }
  void reset() { next_ = first_; }

 private:
  Milliseconds first_, most_, next_;
};

}  // namespace agent::etcd
