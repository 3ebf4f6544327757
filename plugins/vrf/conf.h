// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace vrf {

/// The plugin's own keys, checked (README.md has the list).
struct Conf {
  std::string name;                         ///< of the VRF device in the sandbox
  std::optional<std::uint32_t> table = {};  ///< none: that of the device, or a free one
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys = "vrfname:string table:int(0..4294967295)";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

}  // namespace vrf
