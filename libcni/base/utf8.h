// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace base {

/// Removes the first code point from `text` and returns it. Returns nothing and removes nothing
/// when it is malformed (overlong, surrogate, beyond U+10FFFF, cut short). `text` must not be
/// empty.
std::optional<std::uint32_t> next_code_point(std::string_view& text);

/// `text` without the byte order mark that some editors write in front of UTF-8.
std::string_view without_byte_order_mark(std::string_view text);

}  // namespace base
