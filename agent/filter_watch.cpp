// SPDX-License-Identifier: Apache-2.0
#include "agent/filter_watch.h"

#include <system_error>
#include <utility>

namespace agent {

FilterWatch::FilterWatch(Loop& loop, std::function<bool(net::nft::Nft&)> is_right,
                         std::function<void()> on_change, std::chrono::milliseconds interval)
    : loop_(loop),
      is_right_(std::move(is_right)),
      on_change_(std::move(on_change)),
      interval_(interval) {}

FilterWatch::~FilterWatch() {
  loop_.cancel(timer_);
}

void FilterWatch::start() {
  if (timer_ != 0) return;
  nft_.emplace();
  timer_ = loop_.after(interval_, [this] { look(); });
}

void FilterWatch::look() {
  timer_ = loop_.after(interval_, [this] { look(); });
  if (is_changed()) on_change_();
}

bool FilterWatch::is_changed() {
  try {
    // First: what changes while the rules are read is seen at the next look.
    const std::uint32_t generation = nft_->generation();
    if (std::exchange(generation_, generation) == generation) return false;
    return !is_right_(*nft_);
  } catch (const std::system_error&) {
    return true;  // the round that follows meets the same failure, and tells of it
  }
}

}  // namespace agent
