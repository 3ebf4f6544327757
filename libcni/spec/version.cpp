// SPDX-License-Identifier: Apache-2.0
#include "libcni/spec/version.h"

#include <algorithm>
#include <charconv>

namespace cni {

std::optional<Version> Version::parse(std::string_view text) {
  if (text.empty()) return Version{};
  std::array<int, 3> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto dot = text.find('.');
    const auto part = text.substr(0, dot);
    const auto [end, error] = std::from_chars(part.begin(), part.end(), parts[i]);
    if (error != std::errc{} || end != part.end() || part[0] == '-') return std::nullopt;
    if (dot == std::string_view::npos) return Version{parts[0], parts[1], parts[2]};
    text.remove_prefix(dot + 1);
  }
  return std::nullopt;  // a fourth part
}

std::string Version::text() const {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(micro);
}

std::optional<Version> find_supported(std::string_view text) {
  if (text.empty()) return Version{};
  const auto version = Version::parse(text);
  const bool known = version && std::ranges::find(kVersions, *version) != kVersions.end();
  return known && version->text() == text ? version : std::nullopt;
}

}  // namespace cni
