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
  bool is_zero() const { return bytes == decltype(bytes){}; }
  bool operator==(const Mac&) const = default;
};

/// A locally administered unicast address.
Mac random_mac();

}  // namespace base
