// SPDX-License-Identifier: Apache-2.0
#include "agent/bird/speaker.h"

#include <utility>

namespace agent::bird {

Speaker::Speaker(const BgpConfig& config, Loop& loop, std::function<void()> news)
    : config_(config), loop_(loop), news_(std::move(news)) {}

DriverRun Speaker::run(const Snapshot& cluster, const Place& place) {
  if (!driver_) {
    if (!speaks_bgp(config_, place)) return {};
    driver_.emplace(config_, loop_, news_);
    driver_->start();
  }
  Desired desired = plan(config_, cluster, place);
  problems_ = desired.problems;
  const std::size_t sessions = desired.sessions.size();
  running_ = true;
  driver_->apply(std::move(desired), [this](const std::string& error) {
    if (error == kSuperseded) return;
    const bool changed = std::exchange(problem_, error) != error;
    if (changed && !running_) news_();
  });
  running_ = false;
  const Status status = driver_->status();
  if (!status.warning.empty()) problems_.push_back(status.warning);
  const auto before = std::exchange(reconfigurations_, status.reconfigurations);
  return {.writes = reconfigurations_ - before, .desired = sessions, .problem = problem_};
}

}  // namespace agent::bird
