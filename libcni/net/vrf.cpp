// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/vrf.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "libcni/net/attributes.h"
#include "libcni/net/link_data.h"

namespace net {

void add_vrf(Netlink& netlink, const std::string& name, std::uint32_t table) {
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  auto& info = message.extra<ifinfomsg>();
  info.ifi_flags = info.ifi_change = IFF_UP;
  message.put(IFLA_IFNAME, name);
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, "vrf");
    message.nest(IFLA_INFO_DATA, [&] { message.put_u32(IFLA_VRF_TABLE, table); });
  });
  netlink.request(message,
                  "create VRF \"" + name + "\" with routing table " + std::to_string(table));
}

std::optional<std::uint32_t> find_vrf_table(Netlink& netlink, int index) {
  std::optional<std::uint32_t> table;
  read_link_data(netlink, index, [&](const nlattr& a) {
    if (type_of(a) == IFLA_VRF_TABLE) table = u32_of(a);
  });
  return table;
}

}  // namespace net
