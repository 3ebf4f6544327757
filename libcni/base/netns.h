// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libcni/base/unique_fd.h"

namespace base {

/// A handle to a network namespace: opened once, used by descriptor ever after.
class Netns {
 public:
  /// Throws std::system_error naming `path`: ENOENT when missing, EINVAL when it is not a network
  /// namespace.
  static Netns open(const std::string& path);
  /// Returns nothing when `path` is empty, missing, or no longer a namespace, as after a crash.
  /// Throws std::system_error naming `path` when that cannot be determined (EINTR, EMFILE).
  static std::optional<Netns> find(const std::string& path);
  static Netns current();
  /// Creates an anonymous namespace; the kernel frees it with the last handle. The caller stays in
  /// its own namespace.
  static Netns create();
  /// Another handle to this one.
  Netns duplicate() const;

  /// Runs `body` inside this namespace and returns to the caller's namespace, also when `body`
  /// throws. Sockets that `body` opens keep working in this namespace. Ends the process if the
  /// return fails, because it would continue in the wrong namespace. Single-threaded callers only.
  void run(const std::function<void()>& body) const;

  /// Returns whether the caller is inside. Keeps a handle of the caller's namespace, to which run()
  /// then returns: for callers that never leave it.
  bool is_current();
  /// Same namespace, by device and inode.
  bool operator==(const Netns& other) const;
  int fd() const { return fd_.get(); }

 private:
  explicit Netns(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
  std::shared_ptr<const UniqueFd> home_ = {};
};

}  // namespace base
