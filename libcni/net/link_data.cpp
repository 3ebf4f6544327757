// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/link_data.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "libcni/net/attributes.h"

namespace net {

void read_link_data(Netlink& netlink, int index, const std::function<void(const nlattr&)>& visit) {
  Message message(RTM_GETLINK, 0);
  message.extra<ifinfomsg>().ifi_index = index;
  netlink.find(message, "look up link " + std::to_string(index), [&](const nlmsghdr& reply) {
    for_each_attribute<ifinfomsg>(reply, [&](const nlattr& a) {
      if (type_of(a) != IFLA_LINKINFO) return;
      for_each_nested(a, [&](const nlattr& info) {
        if (type_of(info) == IFLA_INFO_DATA) for_each_nested(info, visit);
      });
    });
  });
}

}  // namespace net
