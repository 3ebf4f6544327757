// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/policies.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "agent/policy/folder.h"

namespace agent {
namespace {

/// A file that is written in place is read when it rests.
constexpr std::chrono::milliseconds kSettle(200);
constexpr std::uint32_t kEvents =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

Policies::Policies(const Config& config, Loop& loop, std::function<void()> on_change)
    : folder_(config.policies.folder), loop_(loop), on_change_(std::move(on_change)) {
  if (enabled()) watch();
}

Policies::~Policies() {
  loop_.cancel(timer_);
  if (inotify_) loop_.forget(inotify_.get());
}

/// Without inotify, rounds for other reasons and the regular ones notice a change.
void Policies::watch() {
  base::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify || ::inotify_add_watch(inotify.get(), folder_.c_str(), kEvents) < 0) return;
  inotify_ = std::move(inotify);
  loop_.watch(inotify_.get(), EPOLLIN, [this](Loop::Events) { drain(); });
}

void Policies::drain() {
  alignas(inotify_event) std::array<char, 8192> buffer;
  bool gone = false;
  for (ssize_t length = 0; (length = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;)
    for (ssize_t at = 0; at < length;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      gone = gone || (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0;
      at += static_cast<ssize_t>(sizeof *event) + static_cast<ssize_t>(event->len);
    }
  if (gone) {
    loop_.forget(inotify_.get());
    inotify_ = {};
  }
  on_change_();
}

void Policies::look_again() {
  loop_.cancel(timer_);
  timer_ = loop_.after(kSettle, on_change_);
}

/// Returns false while a file may still be written.
bool Policies::read() {
  if (!inotify_) watch();
  const policy::FolderStamp stamp = policy::stamp_of(folder_);
  if (objects_ && stamp.text == stamp_) return true;
  if (stamp.age >= stamp.age.zero() && stamp.age < kSettle) {
    look_again();
    return false;
  }
  auto objects = policy::read_folder_at(folder_, stamp);
  if (!objects) {
    look_again();
    return false;
  }
  objects_ = *std::move(objects);
  stamp_ = stamp.text;
  return true;
}

DriverRun Policies::run(const policy::Place& place) {
  if (!enabled()) return {};
  std::string problem;
  try {
    if (!read() && !objects_) problem = "a file of " + folder_ + " is being written";
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!objects_) return {.problem = problem};
  // Another program may have removed the rules while the folder cannot be read.
  const policy::PolicyTable table = policy::make_table(*objects_, place);
  return {.writes = driver_.run(table),
          .desired = table.sets.size() + table.chains.size(),
          .problem = problem};
}

std::vector<std::string> Policies::problems() const {
  std::vector<std::string> lines = objects_ ? objects_->problems : std::vector<std::string>{};
  if (const auto& table = driver_.table())
    lines.insert(lines.end(), table->problems.begin(), table->problems.end());
  return lines;
}

}  // namespace agent
