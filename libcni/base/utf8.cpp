// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/utf8.h"

#include <array>
#include <bit>

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

std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

}  // namespace base
