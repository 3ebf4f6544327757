// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// Removes the first code point from `text` and returns it. Returns nothing and removes nothing
/// when it is malformed (overlong, surrogate, beyond U+10FFFF, cut short). `text` must not be
/// empty.
std::optional<std::uint32_t> next_code_point(std::string_view& text);

/// Returns whether a terminal or a reader of lines may act on the code point instead of showing it:
/// control characters (C0, DEL, C1), line and paragraph separators, marks that turn the direction.
bool is_control(std::uint32_t code_point);

/// `text` with each control character as an escape (`\n`, `\u001b`) and each malformed byte as
/// U+FFFD: one line of text for a log or a terminal, whatever a peer sent. `kept` are bytes that
/// stay, such as "\n".
std::string printable(std::string_view text, std::string_view kept = {});

/// `text` without the byte order mark that some editors write in front of UTF-8.
std::string_view without_byte_order_mark(std::string_view text);

}  // namespace base
