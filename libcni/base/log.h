// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace base {

/// One line to stderr: free-form text for the operator, never part of the protocol (S-087).
void log(std::string_view line) noexcept;

}  // namespace base
