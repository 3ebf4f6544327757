// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/file.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <system_error>

#include "agent/loop/log.h"
#include "agent/source/source.h"
#include "libcni/base/sys_error.h"
#include "libcni/nodes/node_list.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

using std::chrono::milliseconds;

/// Finds changes that inotify does not report, such as those in a network file system.
constexpr milliseconds kLookAgain(30000);
/// The interval where inotify does not work, and after a failure that leaves the file as it is.
constexpr milliseconds kLookSoon(1000);
/// A file written less than `kFresh` ago, without an event for its end, is read when it rests.
constexpr std::chrono::seconds kFresh(1);
constexpr milliseconds kSettle(200);
constexpr std::uint32_t kFinished = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;
constexpr std::uint32_t kDirectoryGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED;

/// Changes whenever the file does.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{};
  timespec written{};
  bool operator==(const Stamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
  }
};

Stamp stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size, status.st_ctim, status.st_mtim};
}

bool is_fresh(const Stamp& stamp) {
  using Wall = std::chrono::system_clock;
  const auto written =
      Wall::from_time_t(stamp.written.tv_sec) +
      std::chrono::duration_cast<Wall::duration>(std::chrono::nanoseconds(stamp.written.tv_nsec));
  return Wall::now() - written < kFresh;
}

/// Never waits, as opening a pipe would do.
std::string read_regular(const std::string& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) base::throw_errno("open " + path);
  if (!S_ISREG(status.st_mode))
    throw cni::Error(cni::Code::invalid_config, path + " is not a regular file");
  return base::read_all(fd.get(), path);
}

class FileSource : public Source {
 public:
  FileSource(const Config& config, Loop& loop, OnChange on_change)
      : path_(config.file.path),
        labels_(label_keys(config)),
        loop_(loop),
        on_change_(std::move(on_change)) {}
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  ~FileSource() override {
    loop_.cancel(timer_);
    if (inotify_) loop_.forget(inotify_.get());
  }

  void start() override { look(false); }
  const Snapshot& snapshot() const override { return snapshot_; }
  void publish(const fabric::Node&) override {}
  SourceStatus status() const override { return status_; }

 private:
  void look(bool finished);
  void look_in(milliseconds delay);
  bool may_go_on(const Stamp& now);
  void watch_directory();
  void tell_unwatched(const std::string& why);
  void drain();
  bool is_finished(const inotify_event& event, std::string_view name);
  void read();
  void take(nodes::NodeList list);
  void fail(const std::string& problem);

  const std::string path_;
  const std::string name_ = std::filesystem::path(path_).filename();
  const std::vector<std::string> labels_;
  Loop& loop_;
  const OnChange on_change_;
  Snapshot snapshot_;
  SourceStatus status_{.state = "not read yet"};
  Conditions conditions_;
  base::UniqueFd inotify_;
  std::string unwatched_;       ///< why inotify does not work
  std::optional<Stamp> stamp_;  ///< when read last
  std::optional<Stamp> seen_;   ///< not read yet: the file may be incomplete
  Loop::Clock::time_point seen_at_ = {};
  bool being_written_ = false;  ///< an event reported a write, none its end
  bool has_list_ = false;
  Loop::TimerId timer_ = 0;
};

void FileSource::look(bool finished) {
  if (!inotify_) watch_directory();
  look_in(inotify_ ? kLookAgain : kLookSoon);
  const Stamp now = stamp_of(path_);
  if (stamp_ == now) return;
  if (!finished && may_go_on(now)) return;
  stamp_ = now;
  read();
}

void FileSource::look_in(milliseconds delay) {
  loop_.cancel(timer_);
  timer_ = loop_.after(delay, [this] { look(false); });
}

bool FileSource::may_go_on(const Stamp& now) {
  if (!being_written_ && !is_fresh(now)) return false;
  if (seen_ != now) {
    seen_ = now;
    seen_at_ = loop_.now();
  }
  const auto left = seen_at_ + (being_written_ ? kLookAgain : kSettle) - loop_.now();
  if (left <= left.zero()) return false;
  look_in(std::chrono::ceil<milliseconds>(left));
  return true;
}

void FileSource::watch_directory() {
  const std::string directory = std::filesystem::path(path_).parent_path();
  base::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify || ::inotify_add_watch(inotify.get(), directory.empty() ? "." : directory.c_str(),
                                      kFinished | kDirectoryGone | IN_MODIFY) < 0)
    return tell_unwatched(std::generic_category().message(errno));
  inotify_ = std::move(inotify);
  loop_.watch(inotify_.get(), EPOLLIN, [this](Loop::Events) { drain(); });
  tell_unwatched({});
}

void FileSource::tell_unwatched(const std::string& why) {
  if (unwatched_ == why) return;
  unwatched_ = why;
  stamp_.reset();  // a change is reported together with the list
}

void FileSource::drain() {
  alignas(inotify_event) std::array<char, 8192> buffer;
  bool directory_gone = false, finished = false;
  for (;;) {
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length <= 0) break;
    for (ssize_t at = 0; at < length;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event);
      directory_gone = directory_gone || (event.mask & kDirectoryGone) != 0;
      finished = is_finished(event, event.len > 0 ? buffer.data() + at : "") || finished;
      at += static_cast<ssize_t>(event.len);
    }
  }
  if (directory_gone) {
    loop_.forget(inotify_.get());
    inotify_ = {};
    being_written_ = false;
  }
  look(finished && !being_written_);
}

bool FileSource::is_finished(const inotify_event& event, std::string_view name) {
  const bool finished = (event.mask & kFinished) != 0;
  // Kubernetes replaces a mounted folder as a whole, by a link beside the one to the file.
  if (name != name_) return (event.mask & IN_MOVED_TO) != 0 && std::filesystem::is_symlink(path_);
  being_written_ = !finished;
  return finished;
}

void FileSource::read() {
  try {
    const std::string text = read_regular(path_);
    status_.parsed_bytes += text.size();
    status_.last_word = loop_.now();
    ++status_.relists;
    take(nodes::parse_nodes(text, path_));
  } catch (const std::system_error& error) {
    fail(error.what());
    if (stamp_ == Stamp{}) return;
    stamp_.reset();
    look_in(kLookSoon);
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

void FileSource::take(nodes::NodeList list) {
  if (list.nodes.empty() && !list.problems.empty())
    return fail("no node could be read: " + list.problems.front());
  nodes::sort_by_name(list.nodes);
  for (fabric::Node& node : list.nodes)
    std::erase_if(node.labels, [&](const auto& label) {
      return !std::ranges::binary_search(labels_, label.first);
    });
  list.nodes.shrink_to_fit();
  conditions_.set("nodes file", {});
  if (!unwatched_.empty())
    list.problems.push_back("changes of " + path_ +
                            " are noticed a second late: inotify: " + unwatched_);
  snapshot_ = {.nodes = std::move(list.nodes), .problems = std::move(list.problems)};
  status_.in_sync = has_list_ = true;
  status_.state = "following " + path_ + ", " + std::to_string(snapshot_.nodes.size()) + " nodes";
  loop_.after(std::chrono::milliseconds(0), on_change_);
}

void FileSource::fail(const std::string& problem) {
  ++status_.errors;
  status_.in_sync = false;
  status_.state = (has_list_ ? "keeping the last good list: " : "no list yet: ") + problem;
  conditions_.set("nodes file", status_.state);
}

}  // namespace

std::unique_ptr<Source> make_file_source(const Config& config, Loop& loop, OnChange on_change) {
  return std::make_unique<FileSource>(config, loop, std::move(on_change));
}

}  // namespace agent
