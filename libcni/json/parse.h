// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace json {

/// Parses one JSON document. Throws cni::Error(6), with a message that begins with `what`, for
/// anything else and for nesting beyond 10 000 levels; malformed UTF-8 becomes U+FFFD.
nlohmann::json parse_value(std::string_view text, std::string_view what);

/// `text` with U+FFFD for each malformed byte.
std::string to_utf8(std::string_view text);

/// Compact JSON of `value`, however deep.
std::string print_value(const nlohmann::json& value);

/// `key "mtu" must be <wanted>, not "1400"`, with at most 60 bytes of `got`.
std::string wrong_value_text(const std::string& path, std::string_view wanted,
                             std::string_view got);

}  // namespace json
