// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/plugin/plugin.h"

namespace sbr {

/// The plugin's own keys, checked (README.md has the list).
struct Conf {
  std::optional<std::uint32_t> table = {};  ///< made by another program: no routes are moved
  /// Take the place of the gateways of prevResult.
  std::optional<base::IpAddress> gateway_v4 = {};
  std::optional<base::IpAddress> gateway_v6 = {};
  bool source_hints = false;  ///< addSourceHints
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "table:int(1..4294967295) gateways[]:string addSourceHints:bool";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

}  // namespace sbr
