// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace base {

/// Writes one line to stderr: free-form text for the operator, never part of the protocol.
void log(std::string_view line) noexcept;

}  // namespace base
