// SPDX-License-Identifier: Apache-2.0
#include "agent/triggers/filter_watch.h"

#include <system_error>
#include <utility>

namespace agent {

FilterWatch::FilterWatch(Loop& loop, Checks checks, std::function<void()> on_change,
                         std::chrono::milliseconds interval)
    : loop_(loop),
      checks_(std::move(checks)),
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
  const bool legacy_changed = is_legacy_changed();
  if (is_changed() || legacy_changed) on_change_();
}

bool FilterWatch::is_changed() {
  try {
    // Read the generation first, so that the next look sees changes made while the rules are read.
    const std::uint32_t generation = nft_->generation();
    if (std::exchange(generation_, generation) == generation) return false;
    return !checks_.nft(*nft_);
  } catch (const std::system_error&) {
    return true;  // the round that follows has the same failure, and reports it
  }
}

bool FilterWatch::is_legacy_changed() {
  try {
    const bool is_right = checks_.legacy();
    legacy_unreadable_ = false;
    return !is_right;
  } catch (const std::system_error&) {
    return !std::exchange(legacy_unreadable_, true);  // as above, once
  }
}

}  // namespace agent
