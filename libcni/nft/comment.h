// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace nft {

/// Types in the userdata of a chain, rule or set element, which is a list of (type, length, value).
/// nft shows the first type and ignores unknown ones.
inline constexpr std::uint8_t kComment = 0;
inline constexpr std::uint8_t kCompanions = 100;  ///< Element::companions
inline constexpr std::uint8_t kNote = 101;        ///< Rule::note()

/// The value of the first entry of `type`; empty when there is none.
inline std::span<const std::uint8_t> find_userdata(std::span<const std::uint8_t> userdata,
                                                   std::uint8_t type) {
  while (userdata.size() >= 2 && userdata.size() >= 2u + userdata[1]) {
    if (userdata[0] == type) return userdata.subspan(2, userdata[1]);
    userdata = userdata.subspan(2u + userdata[1]);
  }
  return {};
}

inline std::string read_text(std::span<const std::uint8_t> userdata, std::uint8_t type) {
  const auto value = find_userdata(userdata, type);
  const std::string text(value.begin(), value.end());
  return text.substr(0, text.find('\0'));
}

inline std::string read_comment(std::span<const std::uint8_t> userdata) {
  return read_text(userdata, kComment);
}

}  // namespace nft
