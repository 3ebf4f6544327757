// SPDX-License-Identifier: Apache-2.0
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <map>

#include <netlink/route/link/ipvlan.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/vxlan.h>

#include "tests/support/host/oracle_kernel.h"

namespace test::oracle {
namespace {

std::string vxlan_text(rtnl_link* link) {
  std::uint32_t id = 0;
  std::uint32_t port = 0;
  nl_addr* local = nullptr;
  require(rtnl_link_vxlan_get_id(link, &id), "read a VNI");
  require(rtnl_link_vxlan_get_port(link, &port), "read a port");
  std::string text = " vxlan id " + std::to_string(id);
  if (rtnl_link_vxlan_get_local(link, &local) == 0) {
    text += part("local", local);
    nl_addr_put(local);
  }
  text += " port " + std::to_string(port);
  if (rtnl_link_vxlan_get_learning(link) == 0) text += " nolearning";
  if (rtnl_link_vxlan_get_udp_csum(link) == 0) text += " noudpcsum";
  return text;
}

/// The properties of bridges and ports that libnl does not know, by the link's index.
std::map<int, std::string> read_bridging(Kernel& kernel) {
  std::map<int, std::string> all;
  kernel.dump(RTM_GETLINK, rtgenmsg{}, [&](nlmsghdr* message) {
    const auto find = [&](int data, int type) {
      return attribute_at(message, sizeof(ifinfomsg), {IFLA_LINKINFO, data, type});
    };
    const auto is_of_bridge = [&](int kind) {
      nlattr* found = attribute_at(message, sizeof(ifinfomsg), {IFLA_LINKINFO, kind});
      return found != nullptr && std::string(nla_get_string(found)) == "bridge";
    };
    std::string& text = all[static_cast<ifinfomsg*>(nlmsg_data(message))->ifi_index];
    const auto flag = [&](int data, int type, const char* word) {
      nlattr* found = find(data, type);
      if (found != nullptr && nla_get_u8(found) != 0) text += word;
    };
    if (is_of_bridge(IFLA_INFO_SLAVE_KIND)) {
      flag(IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_MODE, " hairpin");
      flag(IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_ISOLATED, " isolated");
    }
    if (is_of_bridge(IFLA_INFO_KIND)) {
      flag(IFLA_INFO_DATA, IFLA_BR_NF_CALL_IPTABLES, " nf_call_iptables");
      flag(IFLA_INFO_DATA, IFLA_BR_NF_CALL_IP6TABLES, " nf_call_ip6tables");
    }
  });
  return all;
}

std::string mode_text(rtnl_link* link) {
  Text text{};
  std::uint16_t mode = 0;
  if (rtnl_link_is_macvlan(link) != 0)
    return std::string(" mode ") +
           rtnl_link_macvlan_mode2str(rtnl_link_macvlan_get_mode(link), text.data(), text.size());
  if (rtnl_link_is_ipvlan(link) != 0 && rtnl_link_ipvlan_get_mode(link, &mode) == 0)
    return std::string(" mode ") + rtnl_link_ipvlan_mode2str(mode, text.data(), text.size());
  return "";
}

std::string line_of_link(const Kernel& kernel, rtnl_link* link) {
  const char* type = rtnl_link_get_type(link);
  const char* qdisc = rtnl_link_get_qdisc(link);
  const char* alias = rtnl_link_get_ifalias(link);
  const int other = rtnl_link_get_link(link);
  const int master = rtnl_link_get_master(link);
  std::string line = std::to_string(rtnl_link_get_ifindex(link)) + ": " + rtnl_link_get_name(link);
  if (type != nullptr) line += std::string(" ") + type;
  line += (rtnl_link_get_flags(link) & IFF_UP) != 0 ? " up" : " down";
  line += " mtu " + std::to_string(rtnl_link_get_mtu(link));
  line += std::string(" qdisc ") + (qdisc == nullptr ? "" : qdisc);
  line += part("mac", rtnl_link_get_addr(link));
  if (rtnl_link_get_group(link) != 0) line += " group " + std::to_string(rtnl_link_get_group(link));
  if (other != 0) line += " link " + std::to_string(other);
  if (master != 0) line += " master " + kernel.name_of(master);
  if (alias != nullptr) line += std::string(" alias ") + alias;
  if (type != nullptr && std::string(type) == "vxlan") line += vxlan_text(link);
  line += mode_text(link);
  return line;
}

}  // namespace

Lines links() {
  Kernel kernel;
  std::map<int, std::string> bridging = read_bridging(kernel);
  return lines_of<rtnl_link>(kernel.links(), [&](rtnl_link* link) {
    return line_of_link(kernel, link) + bridging[rtnl_link_get_ifindex(link)];
  });
}

Lines states() {
  const Kernel kernel;
  return lines_of<rtnl_link>(kernel.links(), [&](rtnl_link* link) {
    Text text{};
    return std::string(rtnl_link_get_name(link)) + " " +
           rtnl_link_operstate2str(rtnl_link_get_operstate(link), text.data(), text.size());
  });
}

Lines settings() {
  Kernel kernel;
  Lines lines;
  kernel.dump(RTM_GETLINK, rtgenmsg{}, [&](nlmsghdr* message) {
    const auto number = [&](const char* word, int type) {
      nlattr* found = attribute_at(message, sizeof(ifinfomsg), {type});
      return found == nullptr ? ""
                              : std::string(" ") + word + " " + std::to_string(nla_get_u32(found));
    };
    const int index = static_cast<ifinfomsg*>(nlmsg_data(message))->ifi_index;
    rtnl_link* link = rtnl_link_get(kernel.links(), index);
    lines.push_back(kernel.name_of(index) + number("mtu", IFLA_MTU) + number("qlen", IFLA_TXQLEN) +
                    (link == nullptr ? "" : part("mac", rtnl_link_get_addr(link))) +
                    number("promiscuity", IFLA_PROMISCUITY) + number("allmulti", IFLA_ALLMULTI));
    rtnl_link_put(link);
  });
  std::ranges::sort(lines);
  return lines;
}

}  // namespace test::oracle
