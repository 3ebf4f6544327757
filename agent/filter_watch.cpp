// SPDX-License-Identifier: Apache-2.0
#include "agent/filter_watch.h"

#include <system_error>
#include <utility>

#include "libcni/fabric/traffic.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kLookAgain(5);

}  // namespace

FilterWatch::FilterWatch(Loop& loop, std::function<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)) {}

FilterWatch::~FilterWatch() {
  loop_.cancel(timer_);
}

void FilterWatch::remember() {
  if (!nft_) nft_.emplace();
  // First: what changes while the rules are read is seen at the next look.
  generation_ = nft_->generation();
  mark_ = fabric::read_traffic_mark(*nft_);
  if (timer_ == 0) timer_ = loop_.after(kLookAgain, [this] { look(); });
}

void FilterWatch::look() {
  timer_ = loop_.after(kLookAgain, [this] { look(); });
  if (is_changed()) on_change_();
}

bool FilterWatch::is_changed() {
  try {
    const std::uint32_t generation = nft_->generation();
    if (std::exchange(generation_, generation) == generation) return false;
    return fabric::read_traffic_mark(*nft_) != mark_;
  } catch (const std::system_error&) {
    return true;  // the round that follows meets the same failure, and tells of it
  }
}

}  // namespace agent
