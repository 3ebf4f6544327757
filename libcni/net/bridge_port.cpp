// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/bridge_port.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "libcni/net/attributes.h"
#include "libcni/net/link.h"

namespace net {
namespace {

constexpr std::uint16_t kLastVlan = 4094;

/// RTM_SETLINK or RTM_DELLINK of one VLAN, family AF_BRIDGE.
void change_vlan(Netlink& netlink, std::uint16_t type, int index, const PortVlan& vlan) {
  const std::string attempted = std::string(type == RTM_DELLINK ? "remove" : "add") + " VLAN " +
                                std::to_string(vlan.id) + " on bridge port " +
                                std::to_string(index);
  Message message(type, 0);
  auto& info = message.extra<ifinfomsg>();
  info.ifi_family = AF_BRIDGE;
  info.ifi_index = index;
  bridge_vlan_info entry{};
  entry.vid = vlan.id;
  if (vlan.pvid) entry.flags |= BRIDGE_VLAN_INFO_PVID;
  if (vlan.untagged) entry.flags |= BRIDGE_VLAN_INFO_UNTAGGED;
  message.nest(IFLA_AF_SPEC, [&] {
    message.put(IFLA_BRIDGE_VLAN_INFO,
                {reinterpret_cast<const std::uint8_t*>(&entry), sizeof entry});
  });
  try {
    netlink.request(message, attempted);
  } catch (const std::system_error& e) {
    if (e.code().value() != EOPNOTSUPP) throw;
    throw std::system_error(e.code(), attempted + kNeedsVlanFiltering);
  }
}

/// Adds the VLANs from `begin` to `last`; `begin` is 0 for a single VLAN.
void append_range(std::vector<PortVlan>& vlans, std::uint16_t begin, const bridge_vlan_info& last) {
  const bool is_range = begin != 0 && (last.flags & BRIDGE_VLAN_INFO_RANGE_END) != 0;
  const std::uint16_t end = std::min<std::uint16_t>(last.vid, kLastVlan);
  for (std::uint16_t id = is_range ? begin : end; id <= end; ++id)
    vlans.push_back({.id = id,
                     .pvid = (last.flags & BRIDGE_VLAN_INFO_PVID) != 0,
                     .untagged = (last.flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0});
}

}  // namespace

std::size_t count_ports(Netlink& netlink, int index) {
  const auto links = list_links(netlink);
  return static_cast<std::size_t>(std::ranges::count(links, index, &Link::master));
}

void set_port_flags(Netlink& netlink, int index, PortFlags flags) {
  Message message(RTM_SETLINK, 0);
  auto& info = message.extra<ifinfomsg>();
  info.ifi_family = AF_BRIDGE;
  info.ifi_index = index;
  message.nest(IFLA_PROTINFO | NLA_F_NESTED, [&] {
    message.put_u8(IFLA_BRPORT_MODE, flags.hairpin ? 1 : 0);
    message.put_u8(IFLA_BRPORT_ISOLATED, flags.isolated ? 1 : 0);
  });
  netlink.request(message, "set hairpin and isolation of bridge port " + std::to_string(index));
}

PortFlags get_port_flags(Netlink& netlink, int index) {
  PortFlags flags;
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  netlink.get(message, "read bridge port " + std::to_string(index), [&](const nlmsghdr& reply) {
    for_each_attribute<ifinfomsg>(reply, [&](const nlattr& a) {
      if (type_of(a) != IFLA_LINKINFO) return;
      for_each_nested(a, [&](const nlattr& nested) {
        if (type_of(nested) != IFLA_INFO_SLAVE_DATA) return;
        for_each_nested(nested, [&](const nlattr& option) {
          if (type_of(option) == IFLA_BRPORT_MODE) flags.hairpin = u8_of(option) != 0;
          if (type_of(option) == IFLA_BRPORT_ISOLATED) flags.isolated = u8_of(option) != 0;
        });
      });
    });
  });
  return flags;
}

void add_port_vlan(Netlink& netlink, int index, const PortVlan& vlan) {
  change_vlan(netlink, RTM_SETLINK, index, vlan);
}

void remove_port_vlan(Netlink& netlink, int index, std::uint16_t id) {
  change_vlan(netlink, RTM_DELLINK, index, {.id = id});
}

std::vector<PortVlan> list_port_vlans(Netlink& netlink, int index) {
  std::vector<PortVlan> vlans;
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>().ifi_family = AF_BRIDGE;
  // Compressed, because 4094 VLANs one by one fill more than a netlink message.
  message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
  std::uint16_t range_begin = 0;
  const auto read_port = [&](const nlattr& a) {
    if (type_of(a) != IFLA_AF_SPEC) return;
    for_each_nested(a, [&](const nlattr& nested) {
      if (type_of(nested) != IFLA_BRIDGE_VLAN_INFO ||
          bytes_of(nested).size() < sizeof(bridge_vlan_info))
        return;
      bridge_vlan_info entry{};
      std::memcpy(&entry, bytes_of(nested).data(), sizeof entry);
      if ((entry.flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0) {
        range_begin = entry.vid;
        return;
      }
      append_range(vlans, std::exchange(range_begin, 0), entry);
    });
  };
  netlink.dump(
      message, "list VLANs of bridge port " + std::to_string(index),
      [&](const nlmsghdr& reply) {
        const auto* info = header_of<ifinfomsg>(reply);
        if (info != nullptr && info->ifi_index == index)
          for_each_attribute<ifinfomsg>(reply, read_port);
      },
      [&] { vlans.clear(); });
  return vlans;
}

}  // namespace net
