// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// A 48-bit hardware address.
struct Mac {
  std::array<std::uint8_t, 6> bytes{};

  /// `aa:bb:cc:dd:ee:ff`, with `-` for `:`, or `aabb.ccdd.eeff`, in any case.
  static std::optional<Mac> parse(std::string_view text);
  std::string text() const;  ///< lower-case colon form
  /// For maps and for sorting.
  std::uint64_t number() const {
    std::uint64_t number = 0;
    for (const std::uint8_t byte : bytes) number = number << 8 | byte;
    return number;
  }
  bool is_zero() const { return bytes == decltype(bytes){}; }
  bool operator==(const Mac&) const = default;
};

/// A locally administered unicast address.
Mac random_mac();

}  // namespace base
