// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace runtime {

/// Standard base64 with padding, on one line.
std::string encode_base64(std::string_view data);
/// Nothing when `text` is not valid base64.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace runtime
