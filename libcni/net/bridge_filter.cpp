// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/bridge_filter.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"
#include "libcni/net/sysctl.h"

namespace net {
namespace {

constexpr const char* kKind = "bridge";

std::optional<BridgeFilter> parse_bridge(const nlmsghdr& message) {
  const auto* info = header_of<ifinfomsg>(message);
  if (info == nullptr) return std::nullopt;
  BridgeFilter bridge{.index = info->ifi_index};
  bool is_bridge = false;
  const auto read_option = [&](const nlattr& option) {
    if (type_of(option) == IFLA_BR_NF_CALL_IPTABLES) bridge.calls_v4 = u8_of(option) != 0;
    if (type_of(option) == IFLA_BR_NF_CALL_IP6TABLES) bridge.calls_v6 = u8_of(option) != 0;
  };
  for_each_attribute<ifinfomsg>(message, [&](const nlattr& a) {
    if (type_of(a) == IFLA_IFNAME) bridge.name = text_of(a);
    if (type_of(a) != IFLA_LINKINFO) return;
    for_each_nested(a, [&](const nlattr& nested) {
      if (type_of(nested) == IFLA_INFO_KIND) is_bridge = text_of(nested) == kKind;
      if (type_of(nested) == IFLA_INFO_DATA && is_bridge) for_each_nested(nested, read_option);
    });
  });
  return is_bridge ? std::optional(std::move(bridge)) : std::nullopt;
}

}  // namespace

bool BridgeFilter::calls(int family) const {
  return family == AF_INET ? calls_v4 : calls_v6;
}

std::vector<BridgeFilter> list_bridge_filters(Netlink& netlink) {
  std::vector<BridgeFilter> bridges;
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>();
  message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  // The kernel leaves the other links out (4.6); otherwise there would be one for each pod.
  message.nest(IFLA_LINKINFO, [&] { message.put(IFLA_INFO_KIND, kKind); });
  netlink.dump(
      message, "list bridges",
      [&](const nlmsghdr& reply) {
        if (auto bridge = parse_bridge(reply)) bridges.push_back(std::move(*bridge));
      },
      [&] { bridges.clear(); });
  return bridges;
}

void call_bridge_filter(Netlink& netlink, int index, int family) {
  Message message(RTM_NEWLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  const auto option = family == AF_INET ? IFLA_BR_NF_CALL_IPTABLES : IFLA_BR_NF_CALL_IP6TABLES;
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, kKind);
    message.nest(IFLA_INFO_DATA, [&] { message.put_u8(option, 1); });
  });
  netlink.request(message, std::string("set nf_call_") +
                               (family == AF_INET ? "iptables" : "ip6tables") + " of bridge " +
                               std::to_string(index));
}

std::string bridge_filter_key(int family) {
  return std::string("net/bridge/bridge-nf-call-") + (family == AF_INET ? "iptables" : "ip6tables");
}

std::optional<bool> find_bridge_filter_of_all(int family) {
  if (const auto value = find_sysctl(bridge_filter_key(family))) return value != "0";
  // Without /proc/sys it is unknown whether the module is loaded.
  if (!find_sysctl(forwarding_key(AF_INET)))
    base::throw_errno("read sysctl " + bridge_filter_key(family) + " in /proc/sys", ENOENT);
  return std::nullopt;
}

}  // namespace net
