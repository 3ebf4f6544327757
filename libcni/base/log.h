// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace base {

/// Writes one line to stderr: free-form text for the operator, never part of the protocol.
void log(std::string_view line) noexcept;

/// From now on `to` gets the lines of log(), for programs that have a log of their own.
void redirect_log(void (*to)(std::string_view line) noexcept);

/// `line` and a newline to stderr, in one system call.
void write_line(std::string_view line) noexcept;

}  // namespace base
