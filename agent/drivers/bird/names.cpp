// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/names.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "libcni/base/names.h"

namespace agent::bird {
namespace {

// BIRD's SYM_MAX_LEN is 64; kind, family and dots need less than 14 of it.
constexpr std::size_t kLongestName = 48;
constexpr std::size_t kHashDigits = 12;

bool is_symbol_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::uint32_t hash32(std::string_view text) {
  const std::string digits = base::sha512_hex(text).substr(0, 8);
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

std::string session_name(std::string_view kind, const std::string& name, int family) {
  std::string word = name;
  if (word.size() > kLongestName || !std::ranges::all_of(word, is_symbol_character)) {
    std::erase_if(word, [](char c) { return !is_symbol_character(c); });
    word = word.substr(0, kLongestName - kHashDigits - 1) + "." +
           base::sha512_hex(name).substr(0, kHashDigits);
  }
  return std::string(kind) + "." + word + (family == AF_INET ? ".v4" : ".v6");
}

std::string dotted(std::uint32_t id) {
  return std::to_string(id >> 24) + "." + std::to_string(id >> 16 & 255) + "." +
         std::to_string(id >> 8 & 255) + "." + std::to_string(id & 255);
}

}  // namespace agent::bird
