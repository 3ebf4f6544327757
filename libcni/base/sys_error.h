// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace base {

/// Throws std::system_error for `errnum`, with `attempted`, the failed action, as its message.
[[noreturn]] inline void throw_errno(const std::string& attempted, int errnum = errno) {
  throw std::system_error(errnum, std::generic_category(), attempted);
}

}  // namespace base
