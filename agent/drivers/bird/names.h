// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agent::bird {

/// A hash of `text` of 32 bits; the same on every machine.
std::uint32_t hash32(std::string_view text);

/// The name of a BIRD protocol: `node.worker-1.v4`. It depends on kind, name and family only,
/// because BIRD keeps a session whose name is in the new configuration.
std::string session_name(std::string_view kind, const std::string& name, int family);

/// `10.0.0.1`, as BIRD writes 32-bit identifiers.
std::string dotted(std::uint32_t id);

}  // namespace agent::bird
