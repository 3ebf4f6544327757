// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/upper_link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "libcni/net/attributes.h"
#include "libcni/net/link_data.h"

namespace net {
namespace {

/// A number among the attributes of IFLA_INFO_DATA of link `index`, of 16 or 32 bits.
std::optional<std::uint32_t> find_number(Netlink& netlink, int index, std::uint16_t attribute) {
  std::optional<std::uint32_t> found;
  read_link_data(netlink, index, [&](const nlattr& data) {
    if (type_of(data) != attribute) return;
    if (bytes_of(data).size() == sizeof(std::uint16_t)) found = mnl_attr_get_u16(&data);
    if (bytes_of(data).size() == sizeof(std::uint32_t)) found = u32_of(data);
  });
  return found;
}

}  // namespace

void add_upper_link(Netlink& where, const base::Netns& target, const UpperLink& link) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.extra<ifinfomsg>();
  message.put(IFLA_IFNAME, link.name);
  if (link.lower != 0) message.put_u32(IFLA_LINK, static_cast<std::uint32_t>(link.lower));
  message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(target.fd()));
  if (link.group != 0) message.put_u32(IFLA_GROUP, link.group);
  if (link.mtu) message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(*link.mtu));
  if (link.mac) message.put(IFLA_ADDRESS, link.mac->bytes);
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, link.kind);
    if (link.put_data) message.nest(IFLA_INFO_DATA, [&] { link.put_data(message); });
  });
  const std::string on = link.lower != 0 ? " on link " + std::to_string(link.lower) : "";
  where.request(message, "create " + link.kind + " \"" + link.name + "\"" + on + " in the sandbox");
}

void name_link(Netlink& netlink, int index, const std::string& name, const std::string& alias) {
  Message message(RTM_NEWLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  message.put(IFLA_IFNAME, name);
  message.put(IFLA_IFALIAS, alias);
  message.put_u32(IFLA_GROUP, 0);
  netlink.request(message, "rename link " + std::to_string(index) + " to \"" + name + "\"");
}

std::function<void(Message&)> macvlan_data(MacvlanMode mode,
                                           std::optional<std::uint32_t> queue_length) {
  return [=](Message& message) {
    message.put_u32(IFLA_MACVLAN_MODE, static_cast<std::uint32_t>(mode));
    if (queue_length) message.put_u32(IFLA_MACVLAN_BC_QUEUE_LEN, *queue_length);
  };
}

std::optional<MacvlanMode> find_macvlan_mode(Netlink& netlink, int index) {
  const auto mode = find_number(netlink, index, IFLA_MACVLAN_MODE);
  return mode ? std::optional(static_cast<MacvlanMode>(*mode)) : std::nullopt;
}

std::function<void(Message&)> ipvlan_data(IpvlanMode mode) {
  return [=](Message& message) {
    message.put_u16(IFLA_IPVLAN_MODE, static_cast<std::uint16_t>(mode));
  };
}

std::optional<IpvlanMode> find_ipvlan_mode(Netlink& netlink, int index) {
  const auto mode = find_number(netlink, index, IFLA_IPVLAN_MODE);
  return mode ? std::optional(static_cast<IpvlanMode>(*mode)) : std::nullopt;
}

std::function<void(Message&)> vlan_data(std::uint16_t id) {
  return [=](Message& message) { message.put_u16(IFLA_VLAN_ID, id); };
}

std::optional<std::uint16_t> find_vlan_id(Netlink& netlink, int index) {
  const auto id = find_number(netlink, index, IFLA_VLAN_ID);
  return id ? std::optional(static_cast<std::uint16_t>(*id)) : std::nullopt;
}

}  // namespace net
