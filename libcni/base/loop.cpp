// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "libcni/base/sys_error.h"

namespace base {

Loop::Loop(Now now) : now_(std::move(now)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw_errno("create epoll instance");
}

void Loop::watch(int fd, Events events, std::function<void(Events)> ready) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  const bool known = watches_.contains(fd);
  if (::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
    throw_errno("watch descriptor " + std::to_string(fd));
  watches_[fd] = std::make_shared<std::function<void(Events)>>(std::move(ready));
}

void Loop::forget(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::after(std::chrono::milliseconds delay, std::function<void()> due) {
  const TimerId id = next_++;
  by_id_[id] = timers_.emplace(now() + delay, Timer{id, std::move(due)});
  return id;
}

void Loop::cancel(TimerId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  timers_.erase(found->second);
  by_id_.erase(found);
}

std::optional<Loop::Clock::time_point> Loop::next_timer() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

void Loop::run() {
  while (!stopped_) turn(std::chrono::seconds(5));
}

void Loop::turn(std::chrono::milliseconds limit) {
  using std::chrono::milliseconds;
  if (!timers_.empty())
    limit = std::clamp(std::chrono::ceil<milliseconds>(timers_.begin()->first - now()),
                       milliseconds(0), limit);
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(limit.count()));
  if (count < 0 && errno != EINTR) throw_errno("wait for events");
  for (int i = 0; i < count && !stopped_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    // An earlier callback of this turn may have forgotten it; the copy lets it forget itself.
    const auto found = watches_.find(event.data.fd);
    if (found == watches_.end()) continue;
    const auto ready = found->second;
    (*ready)(event.events);
  }
  run_timers();
}

void Loop::run_timers() {
  const auto begin = now();
  while (!stopped_ && !timers_.empty() && timers_.begin()->first <= begin) {
    const auto due = std::move(timers_.begin()->second.due);
    by_id_.erase(timers_.begin()->second.id);
    timers_.erase(timers_.begin());
    due();
  }
}

}  // namespace base
