// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/pause.h"

#include <algorithm>
#include <utility>

namespace agent::kubernetes {

void Pause::begin(std::chrono::milliseconds delay, std::uint64_t rejected,
                  std::function<void()> done) {
  cancel();
  due_ = api_.loop().now() + delay;
  rejected_ = rejected;
  done_ = std::move(done);
  sleep();
}

void Pause::cancel() {
  api_.loop().cancel(std::exchange(timer_, 0));
}

void Pause::sleep() {
  using std::chrono::milliseconds;
  auto left = std::max(std::chrono::ceil<milliseconds>(due_ - api_.loop().now()), milliseconds(0));
  if (rejected_ != 0) left = std::min(left, api_.timing().renew);
  timer_ = api_.loop().after(left, [this] {
    timer_ = 0;
    const bool over =
        api_.loop().now() >= due_ || (rejected_ != 0 && api_.has_others_than(rejected_));
    if (!over) return sleep();
    const auto done = std::exchange(done_, nullptr);  // it may begin the next pause
    done();
  });
}

}  // namespace agent::kubernetes
