// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/net/netlink.h"

namespace net {

/// A few changes of one attachment, sent in one system call. The kernel carries out each, also
/// those behind a refused one: the caller must be able to undo all of them.
class Batch {
 public:
  explicit Batch(Netlink& netlink);
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  using Tolerates = bool (*)(int errnum);
  /// `attempted` begins the message of a refusal, unless `tolerates` returns true for its errno.
  /// Returns the number of the change.
  std::size_t add(Message& message, std::string attempted, Tolerates tolerates = nullptr);
  /// Throws the first refusal, as Netlink::request() does.
  void send();
  /// Returns whether the kernel refused change number `index`, after send().
  bool was_refused(std::size_t index) const { return attempts_[index].refused; }

 private:
  struct Attempt {
    std::string text;
    Tolerates tolerates;
    bool refused = false;
  };
  void refuse(std::size_t index, int errnum, const std::string& text);

  Pipeline pipeline_;
  std::vector<Attempt> attempts_;
  int errnum_ = 0;
  std::string refusal_;
};

}  // namespace net
