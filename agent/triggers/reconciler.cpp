// SPDX-License-Identifier: Apache-2.0
#include "agent/triggers/reconciler.h"

#include <algorithm>
#include <exception>
#include <random>

#include "libcni/base/random.h"

namespace agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kSettle(5);
constexpr milliseconds kBurst(100);
constexpr milliseconds kRewritePause(
    800);  // so that objects are back within a second, the round included
constexpr int kRewritesAllowed = 5;
constexpr seconds kLeastBackoff(1);
constexpr seconds kLongestBackoff(60);

/// 0.8 to 1.2 times `mean`, so that 5000 agents that started together drift apart.
milliseconds jittered(seconds mean) {
  static std::minstd_rand random{static_cast<std::minstd_rand::result_type>(base::random_seed())};
  const auto whole = std::chrono::duration_cast<milliseconds>(mean).count();
  return milliseconds(std::uniform_int_distribution<long>(whole * 4 / 5, whole * 6 / 5)(random));
}

}  // namespace

void Histogram::add(double value) {
  ++count;
  sum += value;
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    if (value <= kBounds[i]) ++at_most[i];
}

Reconciler::~Reconciler() {
  loop_.cancel(timer_);
}

void Reconciler::add(const std::string& name, Needed needed, Run run) {
  drivers_.push_back({.run = std::move(run), .needed = needed});
  status_.push_back({.name = name});
}

void Reconciler::request_round(bool foreign) {
  const auto now = loop_.now();
  if (!requested_at_) {
    requested_at_ = now;
    foreign_ = true;
  }
  foreign_ = foreign_ && foreign;
  if (foreign_)
    return schedule(std::max(now + kSettle,
                             last_end_ + (rewrites_ > kRewritesAllowed ? kRewritePause : kBurst)));
  // Kernel events of plumbd's own changes do not delay the next planned change.
  const auto pause = std::clamp<Clock::duration>(last_wanted_time_, kSettle, kBurst);
  schedule(std::max(now, last_wanted_end_ + pause));
}

void Reconciler::end_rests() {
  for (Driver& driver : drivers_) driver.not_before = {};
}

void Reconciler::run_now() {
  if (!requested_at_) requested_at_ = loop_.now();
  round(true);
}

void Reconciler::schedule(Clock::time_point at) {
  if (timer_ != 0 && due_ <= at) return;
  loop_.cancel(timer_);
  due_ = at;
  const auto delay = std::chrono::ceil<milliseconds>(at - loop_.now());
  timer_ = loop_.after(std::max(delay, milliseconds(0)), [this] { round(false); });
}

bool Reconciler::may_run(Driver& driver, bool all) {
  const auto now = loop_.now();
  // The change may be what the driver lacked, but after each failure it rests for a second.
  if (requested_at_) driver.not_before = std::min(driver.not_before, driver.ended + kLeastBackoff);
  return all || now >= driver.not_before;
}

void Reconciler::round(bool all) {
  loop_.cancel(timer_);
  timer_ = 0;
  const bool foreign = foreign_ && requested_at_;
  const auto begin = loop_.now();
  std::size_t writes = 0;
  for (std::size_t i = 0; i < drivers_.size(); ++i) {
    DriverStatus& status = status_[i];
    const auto before = status.writes;
    if (may_run(drivers_[i], all)) run(i);
    writes += status.writes - before;
    const Needed needed = drivers_[i].needed;
    if (needed == Needed::always && !status.problem.empty()) break;
    if (needed == Needed::once && !status.done_once) break;
  }
  rewrites_ = foreign && writes > 0 ? rewrites_ + 1 : 0;
  ++rounds_;
  last_end_ = loop_.now();
  if (requested_at_ && !foreign_) {
    last_wanted_end_ = last_end_;
    last_wanted_time_ = last_end_ - begin;
  }
  if (requested_at_)
    latencies_.add(std::chrono::duration<double>(last_end_ - *requested_at_).count());
  requested_at_.reset();
  foreign_ = false;
  schedule(next_round(last_end_));
  done_();
}

void Reconciler::run(std::size_t i) {
  Driver& driver = drivers_[i];
  DriverStatus& status = status_[i];
  const auto begin = loop_.now();
  ++status.runs;
  std::string problem;
  try {
    const DriverRun result = driver.run();
    status.writes += result.writes;
    status.desired = result.desired;
    problem = result.problem;
  } catch (const std::exception& error) {
    problem = error.what();
  }
  driver.ended = loop_.now();
  status.duration = driver.ended - begin;
  problems_.set(status.name, problem);
  if (problem.empty()) {
    status.last_success = driver.ended;
    status.done_once = true;
    driver.backoff = {};
    driver.not_before = {};
  } else {
    ++status.errors;
    driver.backoff = std::clamp(driver.backoff * 2, kLeastBackoff, kLongestBackoff);
    driver.not_before = driver.ended + jittered(driver.backoff);
  }
  status.problem = std::move(problem);
}

Reconciler::Clock::time_point Reconciler::next_round(Clock::time_point now) const {
  auto next = now + jittered(resync_);
  for (const Driver& driver : drivers_)
    if (driver.backoff != seconds(0)) next = std::min(next, driver.not_before);
  return next;
}

}  // namespace agent
