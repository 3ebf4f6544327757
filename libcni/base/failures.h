// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <string>

namespace base {

/// Runs every step of a removal although some fail, and reports the failures at the end: DEL and GC
/// do all they can.
class Failures {
 public:
  /// Runs `step` and keeps what it throws. Returns whether it succeeded.
  bool attempt(const std::function<void()>& step) noexcept;

  /// Returns if all steps succeeded. Throws a single failure unchanged, several as one
  /// std::runtime_error with all their messages.
  void report() const;

 private:
  std::exception_ptr first_;
  std::string messages_;  ///< of all, joined
  int count_ = 0;
};

}  // namespace base
