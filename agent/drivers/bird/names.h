// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agent::bird {

/// 32 bits that depend on all of `text`; the same on every machine.
std::uint32_t hash32(std::string_view text);

/// Of a BIRD protocol, unique for kind, name and family, and the same as long as they are, because
/// BIRD keeps a session that has its name in the new configuration: `node.worker-1.v4`.
std::string session_name(std::string_view kind, const std::string& name, int family);

/// `10.0.0.1`, as BIRD writes 32-bit identifiers.
std::string dotted(std::uint32_t id);

}  // namespace agent::bird
