// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>

namespace base {

/// Runs every step of a removal although some fail, and reports the failures at the end: DEL and GC
/// do all they can (S-170, S-197).
class Failures {
 public:
  /// Runs `step` and keeps what it throws. Returns whether it succeeded.
  bool attempt(const std::function<void()>& step) noexcept;

  /// Throws the first failure, after logging the others; nothing when all succeeded.
  void report() const;

 private:
  std::exception_ptr first_;
};

}  // namespace base
