// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/utf8.h"

#include <array>
#include <bit>
#include <cstdio>

namespace base {

std::optional<std::uint32_t> next_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto ones = static_cast<std::size_t>(std::countl_one(byte(0)));
  const std::size_t length = ones == 0 ? 1 : ones;
  if (ones == 1 || length > 4 || text.size() < length) return std::nullopt;
  std::uint32_t point = ones == 0 ? byte(0) : byte(0) & (0x7fu >> ones);
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) return std::nullopt;
    point = (point << 6) | (byte(i) & 0x3fu);
  }
  constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[length] || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff)
    return std::nullopt;
  text.remove_prefix(length);
  return point;
}

bool is_control(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
         (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

std::string printable(std::string_view text, std::string_view kept) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const std::string_view before = text;
    const auto point = next_code_point(text);
    if (!point) {
      line += "\xef\xbf\xbd";
      text.remove_prefix(1);
    } else if (is_control(*point) && kept.find(before[0]) == kept.npos) {
      std::array<char, 7> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", *point);
      line += *point == '\n' ? "\\n" : escape.data();
    } else {
      line += before.substr(0, before.size() - text.size());
    }
  }
  return line;
}

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

}  // namespace base
