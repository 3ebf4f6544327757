// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "libcni/base/unique_fd.h"

namespace base {

/// The one epoll loop of plumbd or of the DHCP daemon. Callbacks run on its thread and never block.
class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Events = std::uint32_t;   ///< EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
  using TimerId = std::uint64_t;  ///< 0 is none

  using Now = std::function<Clock::time_point()>;

  /// `now` is the clock of the timers, and of everything that measures time on this loop: a test
  /// gives one that it advances itself.
  explicit Loop(Now now = Clock::now);
  Clock::time_point now() const { return now_(); }
  /// Calls `ready` while `fd` is ready for `events`; a second call for the same fd replaces the
  /// first. The fd stays the caller's, which calls forget() before it closes it.
  void watch(int fd, Events events, std::function<void(Events)> ready);
  void forget(int fd);
  /// Calls `due` once, not earlier than `delay` from now.
  TimerId after(std::chrono::milliseconds delay, std::function<void()> due);
  void cancel(TimerId id);  ///< does nothing for an unknown or past timer
  /// When the next timer is due; nothing without timers.
  std::optional<Clock::time_point> next_timer() const;

  /// Runs callbacks until stop().
  void run();
  void stop() { stopped_ = true; }
  /// One turn: waits at most `limit` and runs what is due.
  void turn(std::chrono::milliseconds limit);

 private:
  struct Timer {
    TimerId id;
    std::function<void()> due;
  };
  void run_timers();
  Now now_;
  UniqueFd epoll_;
  std::unordered_map<int, std::shared_ptr<std::function<void(Events)>>> watches_;
  std::multimap<Clock::time_point, Timer> timers_;
  std::unordered_map<TimerId, std::multimap<Clock::time_point, Timer>::iterator> by_id_;
  TimerId next_ = 1;
  bool stopped_ = false;
};

}  // namespace base
