// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/move.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "libcni/net/attributes.h"

namespace net {
namespace {

/// RTM_NEWLINK on an existing link, with everything but its new namespace.
void put(Message& message, int index, const Moved& moved) {
  auto& info = message.extra<ifinfomsg>();
  info.ifi_index = index;
  if (moved.up) info.ifi_flags = info.ifi_change = IFF_UP;
  message.put(IFLA_IFNAME, moved.name);
  message.put(IFLA_IFALIAS, moved.alias);
}

}  // namespace

void move_link(Netlink& netlink, const Link& link, const base::Netns& target, const Moved& moved) {
  Message message(RTM_NEWLINK, 0);
  put(message, link.index, moved);
  message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(target.fd()));
  netlink.request(
      message, "move link \"" + link.name + "\" into another namespace, as \"" + moved.name + "\"");
}

void rename_link(Netlink& netlink, const Link& link, const Moved& moved) {
  Message message(RTM_NEWLINK, 0);
  put(message, link.index, moved);
  netlink.request(message, "rename link \"" + link.name + "\" to \"" + moved.name + "\"");
}

}  // namespace net
