// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/mac.h"

#include <sys/random.h>

#include <charconv>
#include <cstdio>

#include "libcni/base/sys_error.h"

namespace base {

std::optional<Mac> Mac::parse(std::string_view text) {
  const bool dotted = text.size() == 14;
  if (text.size() != 17 && !dotted) return std::nullopt;
  const std::size_t group = dotted ? 4 : 2;
  const char separator = dotted ? '.' : text[2];
  if (!dotted && separator != ':' && separator != '-') return std::nullopt;
  Mac mac;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % (group + 1) == group) {
      if (text[i] != separator) return std::nullopt;
      continue;
    }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(&text[i], &text[i] + 1, value, 16);
    if (error != std::errc{}) return std::nullopt;
    auto& byte = mac.bytes[digits++ / 2];
    byte = static_cast<std::uint8_t>(byte * 16 + value);
  }
  return mac;
}

std::string Mac::text() const {
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1],
                bytes[2], bytes[3], bytes[4], bytes[5]);
  return text.data();
}

Mac random_mac() {
  Mac mac;
  if (::getrandom(mac.bytes.data(), mac.bytes.size(), 0) < 0) throw_errno("read random bytes");
  mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfe) | 0x02);
  return mac;
}

}  // namespace base
