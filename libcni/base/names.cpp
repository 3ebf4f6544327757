// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/names.h"

#include <sha512.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "libcni/base/sys_error.h"
#include "libcni/base/utf8.h"

namespace base {
namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_space(std::uint32_t point) {
  constexpr std::array<std::uint32_t, 11> kSpaces{' ',    0x85,   0xa0,   0x1680, 0x2028, 0x2029,
                                                  0x202f, 0x205f, 0x3000, '\t',   '\n'};
  return std::ranges::find(kSpaces, point) != kSpaces.end() ||
         (point >= 0x2000 && point <= 0x200a) || (point >= '\v' && point <= '\r');
}

}  // namespace

bool is_identifier(std::string_view text) {
  return !text.empty() && is_alphanumeric(text[0]) && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

std::string ifname_problem(std::string_view text) {
  if (text.empty()) return "interface name is empty";
  if (text.size() > 15) return "interface name is too long: it should be less than 16 bytes";
  if (text == "." || text == "..") return "interface name is . or ..";
  while (!text.empty()) {
    const auto point = next_code_point(text);
    if (!point) return "interface name is not valid UTF-8";
    if (*point == '/' || *point == ':' || is_space(*point))
      return "interface name contains / or : or whitespace characters";
    // The kernel expands %d, so the link would get another name.
    if (*point == '%') return "interface name contains %";
    if (*point < 0x20 || *point == 0x7f) return "interface name contains a control character";
  }
  return {};
}

std::string random_veth_name() {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) < 0) throw_errno("read random bytes");
  std::array<char, 13> name{};
  std::snprintf(name.data(), name.size(), "veth%08x", number);
  return name.data();
}

std::string sha512_hex(std::string_view data) {
  std::array<char, SHA512_DIGEST_STRING_LENGTH> hex{};
  SHA512Data(reinterpret_cast<const std::uint8_t*>(data.data()), data.size(), hex.data());
  return hex.data();
}

}  // namespace base
