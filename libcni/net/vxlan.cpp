// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/vxlan.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "libcni/net/attributes.h"

namespace net {
namespace {

void read(VxlanTunnel& tunnel, const nlattr& a) {
  switch (type_of(a)) {
    case IFLA_VXLAN_ID:
      tunnel.vni = u32_of(a);
      break;
    case IFLA_VXLAN_PORT:
      if (bytes_of(a).size() == 2)
        tunnel.port = static_cast<std::uint16_t>(bytes_of(a)[0] << 8 | bytes_of(a)[1]);
      break;
    case IFLA_VXLAN_LOCAL:
    case IFLA_VXLAN_LOCAL6:
      tunnel.local = base::IpAddress::from_bytes(bytes_of(a));
      tunnel.v6 = type_of(a) == IFLA_VXLAN_LOCAL6;
      break;
    case IFLA_VXLAN_GROUP6:
      tunnel.v6 = true;
      break;
    case IFLA_VXLAN_LINK:
      tunnel.parent = static_cast<int>(u32_of(a));
      break;
    case IFLA_VXLAN_LEARNING:
      tunnel.learning = u8_of(a) != 0;
      break;
    case IFLA_VXLAN_COLLECT_METADATA:
      tunnel.external = u8_of(a) != 0;
      break;
    default:
      break;
  }
}

std::optional<VxlanTunnel> parse(const nlmsghdr& reply) {
  std::optional<VxlanTunnel> tunnel;
  for_each_attribute<ifinfomsg>(reply, [&](const nlattr& a) {
    if (type_of(a) != IFLA_LINKINFO) return;
    for_each_nested(a, [&](const nlattr& info) {
      if (type_of(info) == IFLA_INFO_KIND && text_of(info) == "vxlan") tunnel.emplace();
      if (type_of(info) == IFLA_INFO_DATA && tunnel)
        for_each_nested(info, [&](const nlattr& datum) { read(*tunnel, datum); });
    });
  });
  return tunnel;
}

/// Entry number `index` of an array of numbers in host order.
std::optional<std::uint32_t> number_at(const nlattr& a, std::size_t index) {
  const auto bytes = bytes_of(a);
  std::uint32_t number = 0;
  if (bytes.size() < (index + 1) * sizeof number) return std::nullopt;
  std::memcpy(&number, bytes.data() + index * sizeof number, sizeof number);
  return number;
}

void read_sysctls(VxlanLink& link, const nlmsghdr& reply) {
  const auto visit_conf = [&](const nlattr& family) {
    for_each_nested(family, [&](const nlattr& a) {
      if (type_of(family) == AF_INET && type_of(a) == IFLA_INET_CONF)
        link.rp_filter = number_at(a, IPV4_DEVCONF_RP_FILTER - 1);
      if (type_of(family) == AF_INET6 && type_of(a) == IFLA_INET6_CONF)
        link.accept_ra = number_at(a, DEVCONF_ACCEPT_RA);
    });
  };
  for_each_attribute<ifinfomsg>(reply, [&](const nlattr& a) {
    if (type_of(a) == IFLA_AF_SPEC) for_each_nested(a, visit_conf);
  });
}

}  // namespace

std::vector<VxlanLink> list_vxlan(Netlink& netlink) {
  std::vector<VxlanLink> links;
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>();
  message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  message.nest(IFLA_LINKINFO, [&] { message.put(IFLA_INFO_KIND, "vxlan"); });
  netlink.dump(
      message, "list VXLAN devices",
      [&](const nlmsghdr& reply) {
        const auto tunnel = parse(reply);
        if (!tunnel) return;
        links.push_back({.link = parse_link(reply), .tunnel = *tunnel});
        read_sysctls(links.back(), reply);
      },
      [&] { links.clear(); });
  return links;
}

void add_vxlan(Netlink& netlink, const VxlanSpec& spec) {
  const base::IpAddress& local = spec.tunnel.local.value();
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.extra<ifinfomsg>();
  message.put(IFLA_IFNAME, spec.name);
  message.put(IFLA_ADDRESS, spec.mac.bytes);
  message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(spec.mtu));
  if (spec.master != 0) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(spec.master));
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, "vxlan");
    message.nest(IFLA_INFO_DATA, [&] {
      message.put_u32(IFLA_VXLAN_ID, spec.tunnel.vni);
      message.put_u16(IFLA_VXLAN_PORT, htons(spec.tunnel.port));
      message.put(local.is_v4() ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local.bytes());
      message.put_u8(IFLA_VXLAN_LEARNING, spec.tunnel.learning ? 1 : 0);
      if (local.is_v4()) message.put_u8(IFLA_VXLAN_UDP_CSUM, 0);
    });
  });
  netlink.request(message, "create VXLAN device \"" + spec.name + "\"");
}

}  // namespace net
