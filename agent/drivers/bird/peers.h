// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/drivers/bird/control.h"
#include "libcni/base/ip.h"

namespace agent::bird {

/// One BGP session as BIRD shows it.
struct PeerStatus {
  std::string session = {};  ///< of BIRD's protocol
  std::string peer = {};     ///< node or configured peer; its address where a client connected
  base::IpAddress address = {};
  std::uint32_t as_number = 0;
  std::string state = {};  ///< `Established`, or the state in which the session is stuck
  std::string since = {};  ///< local time of the last change, `2026-11-21 12:00:12`
  std::uint64_t imported = 0, exported = 0;  ///< routes, of all families
  std::string error = {};  ///< of the last attempt, such as `Socket: Connection refused`
  bool up() const { return state == "Established"; }
  bool operator==(const PeerStatus&) const = default;
};

/// Returns whether parse_protocols() needs a line of the answer. It needs one in nine; with 300
/// sessions this saves 1.3 MB of plumbd's memory.
bool describes_peer(const Reply::Line& line);

/// Reads the answer to `show protocols all`; other protocols than BGP, and the pattern of dynamic
/// sessions, are left out. `peer` is the address.
std::vector<PeerStatus> parse_protocols(const Reply& reply);

}  // namespace agent::bird
