// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/link_settings.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <functional>

#include "libcni/net/attributes.h"

namespace net {
namespace {

LinkState parse(const nlmsghdr& message) {
  LinkState link;
  const auto* info = header_of<ifinfomsg>(message);
  if (info == nullptr) return link;
  link.index = info->ifi_index;
  link.settings.promisc = (info->ifi_flags & IFF_PROMISC) != 0;
  link.settings.allmulti = (info->ifi_flags & IFF_ALLMULTI) != 0;
  for_each_attribute<ifinfomsg>(message, [&](const nlattr& a) {
    if (type_of(a) == IFLA_MTU) link.settings.mtu = static_cast<int>(u32_of(a));
    if (type_of(a) == IFLA_TXQLEN) link.settings.tx_queue_length = u32_of(a);
    if (type_of(a) != IFLA_ADDRESS || bytes_of(a).size() != base::Mac{}.bytes.size()) return;
    link.settings.mac.emplace();
    std::ranges::copy(bytes_of(a), link.settings.mac->bytes.begin());
  });
  return link;
}

}  // namespace

std::optional<LinkState> find_link_settings(Netlink& netlink, const std::string& name) {
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>();
  message.put(IFLA_IFNAME, name);
  message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  std::optional<LinkState> found;
  netlink.find(message, "look up link \"" + name + "\"",
               [&](const nlmsghdr& reply) { found = parse(reply); });
  return found;
}

void put_settings(Batch& batch, int index, const LinkSettings& settings,
                  Batch::Tolerates tolerates) {
  const auto put = [&](const std::string& what,
                       const std::function<void(Message&, ifinfomsg&)>& fill) {
    Message message(RTM_NEWLINK, 0);
    auto& info = message.extra<ifinfomsg>();
    info.ifi_index = index;
    fill(message, info);
    batch.add(message, "set " + what + " of link " + std::to_string(index), tolerates);
  };
  const auto put_flag = [&](const std::string& what, unsigned flag, bool on) {
    put(what + (on ? " on" : " off"), [&](Message&, ifinfomsg& info) {
      info.ifi_change = flag;
      info.ifi_flags = on ? flag : 0;
    });
  };
  if (settings.mac)
    put("MAC address " + settings.mac->text(),
        [&](Message& message, ifinfomsg&) { message.put(IFLA_ADDRESS, settings.mac->bytes); });
  if (settings.promisc) put_flag("promiscuous mode", IFF_PROMISC, *settings.promisc);
  if (settings.mtu)
    put("MTU " + std::to_string(*settings.mtu), [&](Message& message, ifinfomsg&) {
      message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(*settings.mtu));
    });
  if (settings.allmulti) put_flag("all-multicast mode", IFF_ALLMULTI, *settings.allmulti);
  if (settings.tx_queue_length)
    put("transmit queue length " + std::to_string(*settings.tx_queue_length),
        [&](Message& message, ifinfomsg&) {
          message.put_u32(IFLA_TXQLEN, *settings.tx_queue_length);
        });
}

}  // namespace net
