// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "libcni/net/netlink.h"

namespace net {

/// The most ports of one bridge: BR_MAX_PORTS, of which number 0 is not used. The kernel refuses
/// more with EXFULL.
inline constexpr std::size_t kMaxPorts = 1023;
/// The links that are ports of bridge `index`.
std::size_t count_ports(Netlink& netlink, int index);

struct PortFlags {
  bool hairpin = false;
  bool isolated = false;
  bool operator==(const PortFlags&) const = default;
};
void set_port_flags(Netlink& netlink, int index, PortFlags flags);
PortFlags get_port_flags(Netlink& netlink, int index);

/// The end of an error message when the kernel answers EOPNOTSUPP to VLANs of a bridge.
inline constexpr const char* kNeedsVlanFiltering =
    ": the kernel needs CONFIG_BRIDGE_VLAN_FILTERING for VLAN filtering";

/// One VLAN of a bridge port.
struct PortVlan {
  std::uint16_t id = 0;
  bool pvid = false;
  bool untagged = false;
  bool operator==(const PortVlan&) const = default;
};
void add_port_vlan(Netlink& netlink, int index, const PortVlan& vlan);
void remove_port_vlan(Netlink& netlink, int index, std::uint16_t id);
std::vector<PortVlan> list_port_vlans(Netlink& netlink, int index);

}  // namespace net
