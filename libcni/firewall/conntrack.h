// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace firewall {

/// Forgets connections of `family` (AF_INET, AF_INET6) over UDP whose first packet went to one of
/// `ports`, whatever their addresses and zone: a flow that the kernel still remembers would bypass
/// new translation rules, or follow removed ones. Does nothing on a kernel without connection
/// tracking.
void forget_udp_flows(int family, std::span<const std::uint16_t> ports);

}  // namespace firewall
