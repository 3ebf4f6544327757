// SPDX-License-Identifier: Apache-2.0
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>

#include "agent/log.h"
#include "agent/source.h"
#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/nodes/node_list.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

/// Also finds what inotify cannot tell: a network file system, a folder made anew.
constexpr std::chrono::seconds kLookAgain(30);
/// Events of a finished write only: a file that is still being written is not read.
constexpr std::uint32_t kFinished =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF;

/// What changes whenever the file does.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  timespec changed{};
  bool operator==(const Stamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
  }
};

Stamp stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size, status.st_ctim};
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

  void start() override { look(); }
  const Snapshot& snapshot() const override { return snapshot_; }
  void publish(const fabric::Node&) override {}
  SourceStatus status() const override { return status_; }

 private:
  void look();
  void watch_directory();
  void drain();
  void read();
  void take(nodes::NodeList list);
  void fail(const std::string& problem);

  const std::string path_;
  const std::vector<std::string> labels_;
  Loop& loop_;
  const OnChange on_change_;
  Snapshot snapshot_;
  SourceStatus status_{.state = "not read yet"};
  Conditions conditions_;
  base::UniqueFd inotify_;
  std::optional<Stamp> stamp_;
  Loop::TimerId timer_ = 0;
};

void FileSource::look() {
  loop_.cancel(timer_);
  timer_ = loop_.after(kLookAgain, [this] { look(); });
  if (!inotify_) watch_directory();
  const Stamp now = stamp_of(path_);
  if (stamp_ == now) return;
  stamp_ = now;
  read();
}

void FileSource::watch_directory() {
  const std::string directory = std::filesystem::path(path_).parent_path();
  base::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) base::throw_errno("create inotify instance");
  if (::inotify_add_watch(inotify.get(), directory.empty() ? "." : directory.c_str(), kFinished) <
      0)
    return;
  inotify_ = std::move(inotify);
  loop_.watch(inotify_.get(), EPOLLIN, [this](Loop::Events) { drain(); });
}

void FileSource::drain() {
  alignas(inotify_event) std::array<char, 8192> buffer;
  bool directory_gone = false;
  for (;;) {
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length <= 0) break;
    for (ssize_t at = 0; at < length;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) directory_gone = true;
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  if (directory_gone) {
    loop_.forget(inotify_.get());
    inotify_ = {};
  }
  look();
}

void FileSource::read() {
  try {
    const std::string text = base::read_file(path_);
    status_.parsed_bytes += text.size();
    status_.last_word = Loop::Clock::now();
    ++status_.relists;
    take(nodes::parse_nodes(text, path_));
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

void FileSource::take(nodes::NodeList list) {
  if (list.nodes.empty() && !list.problems.empty())
    return fail("no node could be read: " + list.problems.front());
  std::ranges::stable_sort(list.nodes, {}, &fabric::Node::name);
  for (fabric::Node& node : list.nodes)
    std::erase_if(node.labels, [&](const auto& label) {
      return !std::ranges::binary_search(labels_, label.first);
    });
  list.nodes.shrink_to_fit();
  conditions_.set("nodes file", {});
  snapshot_ = {.nodes = std::move(list.nodes), .problems = std::move(list.problems)};
  status_.in_sync = true;
  status_.state = "following " + path_ + ", " + std::to_string(snapshot_.nodes.size()) + " nodes";
  loop_.after(std::chrono::milliseconds(0), on_change_);
}

void FileSource::fail(const std::string& problem) {
  ++status_.errors;
  status_.state = "keeping the last good list: " + problem;
  if (!status_.in_sync) status_.state = "no list yet: " + problem;
  conditions_.set("nodes file", status_.state);
}

}  // namespace

std::unique_ptr<Source> make_file_source(const Config& config, Loop& loop, OnChange on_change) {
  return std::make_unique<FileSource>(config, loop, std::move(on_change));
}

}  // namespace agent
