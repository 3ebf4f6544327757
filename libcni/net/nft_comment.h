// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace net::nft {

/// The comment in the userdata of a chain or set element: a list of (type, length, value), type 0.
inline std::string read_comment(std::span<const std::uint8_t> userdata) {
  while (userdata.size() >= 2 && userdata.size() >= 2u + userdata[1]) {
    const auto value = userdata.subspan(2, userdata[1]);
    if (userdata[0] == 0) {
      std::string text(value.begin(), value.end());
      return text.substr(0, text.find('\0'));
    }
    userdata = userdata.subspan(2u + userdata[1]);
  }
  return {};
}

}  // namespace net::nft
