// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "libcni/base/unique_fd.h"

namespace base {

/// A handle to a network namespace: opened once, used by descriptor ever after (S-045).
class Netns {
 public:
  /// Throws std::system_error naming `path`: ENOENT when missing, EINVAL when it is no network
  /// namespace (S-036, S-038).
  static Netns open(const std::string& path);
  /// Nothing when `path` is empty, missing, or not a namespace any more, as after a crash (S-042,
  /// S-043). Throws std::system_error naming `path` where that cannot be told (EINTR, EMFILE).
  static std::optional<Netns> find(const std::string& path);
  static Netns current();
  /// Creates an anonymous namespace; the kernel frees it with the last handle. The caller stays
  /// put.
  static Netns create();
  /// Another handle to this one.
  Netns duplicate() const;

  /// Runs `body` inside this namespace and comes back, also when it throws. Sockets that `body`
  /// opens stay in this namespace. Ends the process if the way back is barred: nothing sane can
  /// follow. Single-threaded callers only.
  void run(const std::function<void()>& body) const;

  /// Same namespace, by device and inode (S-039, S-189).
  bool operator==(const Netns& other) const;
  int fd() const { return fd_.get(); }

 private:
  explicit Netns(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace base
