// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace cni {

/// A version of the CNI specification, compared number by number.
struct Version {
  int major = 0;
  int minor = 1;
  int micro = 0;

  /// One to three dot-separated integers; absent parts are 0; empty is 0.1.0.
  static std::optional<Version> parse(std::string_view text);
  std::string text() const;  ///< always three parts
  auto operator<=>(const Version&) const = default;
};

/// All published versions, ascending.
inline constexpr std::array<Version, 7> kVersions{
    {{0, 1, 0}, {0, 2, 0}, {0, 3, 0}, {0, 3, 1}, {0, 4, 0}, {1, 0, 0}, {1, 1, 0}}};
inline constexpr Version kNewestVersion = kVersions.back();

/// The supported version that is written exactly as `text`; empty means 0.1.0. Plugins match
/// versions literally.
std::optional<Version> find_supported(std::string_view text);

}  // namespace cni
