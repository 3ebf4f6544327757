// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host/oracle.h"

#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <stdexcept>

#include <netlink/attr.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/ipvlan.h>
#include <netlink/route/link/macvlan.h>
#include <netlink/route/link/vxlan.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <netlink/route/tc.h>

namespace test::oracle {
namespace {

using Text = std::array<char, 128>;
using Socket = std::unique_ptr<nl_sock, decltype(&nl_socket_free)>;
using Cache = std::unique_ptr<nl_cache, decltype(&nl_cache_free)>;
using Take = std::function<void(nlmsghdr*)>;

void require(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + ": " + nl_geterror(result));
}

/// A socket in the caller's namespace and the links there, which have the names.
class Kernel {
 public:
  Kernel() {
    require(nl_connect(socket_.get(), NETLINK_ROUTE), "connect to rtnetlink");
    links_ = cache_of([](nl_sock* socket, nl_cache** cache) {
      return rtnl_link_alloc_cache(socket, AF_UNSPEC, cache);
    });
  }
  Cache cache_of(const std::function<int(nl_sock*, nl_cache**)>& fill) {
    nl_cache* cache = nullptr;
    require(fill(socket_.get(), &cache), "read objects of the kernel");
    return {cache, &nl_cache_free};
  }
  /// Asks for all objects of a type; calls `take` with each answer.
  template <typename Header>
  void dump(int type, Header header, const Take& take) {
    const nl_recvmsg_msg_cb_t call = [](nl_msg* message, void* to) -> int {
      (*static_cast<const Take*>(to))(nlmsg_hdr(message));
      return NL_OK;
    };
    require(nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, call,
                                const_cast<Take*>(&take)),
            "set a callback");
    require(nl_send_simple(socket_.get(), type, NLM_F_DUMP, &header, sizeof header),
            "ask for a list");
    require(nl_recvmsgs_default(socket_.get()), "read a list");
  }
  nl_cache* links() const { return links_.get(); }
  std::string name_of(int index) const {
    Text text{};
    return rtnl_link_i2name(links_.get(), index, text.data(), text.size()) == nullptr ? ""
                                                                                      : text.data();
  }

 private:
  Socket socket_{nl_socket_alloc(), &nl_socket_free};
  Cache links_{nullptr, &nl_cache_free};
};

template <typename Object>
Lines lines_of(nl_cache* cache, const std::function<std::string(Object*)>& line_of) {
  Lines lines;
  for (nl_object* each = nl_cache_get_first(cache); each != nullptr; each = nl_cache_get_next(each))
    lines.push_back(line_of(reinterpret_cast<Object*>(each)));
  std::ranges::sort(lines);
  return lines;
}

std::string text_of(nl_addr* address) {
  Text text{};
  return nl_addr2str(address, text.data(), text.size());
}

/// ` word address`; nothing where the object has none.
std::string part(const char* word, nl_addr* address) {
  return address == nullptr ? "" : std::string(" ") + word + " " + text_of(address);
}

/// The attribute at the end of a path of nested ones; null where one is missing.
nlattr* attribute_at(nlmsghdr* message, int header, std::initializer_list<int> path) {
  nlattr* found = nullptr;
  for (const int type : path)
    if (type == *path.begin())
      found = nlmsg_find_attr(message, header, type);
    else if (found != nullptr)
      found = nla_find(static_cast<nlattr*>(nla_data(found)), nla_len(found), type);
  return found;
}

std::string table_name(unsigned table) {
  if (table == RT_TABLE_MAIN) return "main";
  return table == RT_TABLE_LOCAL ? "local" : std::to_string(table);
}

std::string destination_of(rtnl_route* route) {
  nl_addr* destination = rtnl_route_get_dst(route);
  return nl_addr_get_prefixlen(destination) == 0 ? "default" : text_of(destination);
}

std::string line_of_route(const Kernel& kernel, rtnl_route* route) {
  Text text{};
  std::string line = table_name(rtnl_route_get_table(route));
  if (rtnl_route_get_type(route) != RTN_UNICAST)
    line += std::string(" ") + nl_rtntype2str(rtnl_route_get_type(route), text.data(), text.size());
  line += " " + destination_of(route);
  for (int i = 0; i < rtnl_route_get_nnexthops(route); ++i) {
    rtnl_nexthop* hop = rtnl_route_nexthop_n(route, i);
    line += part("via", rtnl_route_nh_get_gateway(hop));
    const std::string name = kernel.name_of(rtnl_route_nh_get_ifindex(hop));
    if (!name.empty()) line += " dev " + name;
    if ((rtnl_route_nh_get_flags(hop) & RTNH_F_ONLINK) != 0) line += " onlink";
  }
  line += part("src", rtnl_route_get_pref_src(route));
  line += " proto " + std::to_string(rtnl_route_get_protocol(route));
  line += " metric " + std::to_string(rtnl_route_get_priority(route));
  if (rtnl_route_get_scope(route) == RT_SCOPE_LINK) line += " scope link";
  std::uint32_t mtu = 0;
  if (rtnl_route_get_metric(route, RTAX_MTU, &mtu) == 0) line += " mtu " + std::to_string(mtu);
  return line;
}

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
  if (other != 0) line += " link " + std::to_string(other);
  if (master != 0) line += " master " + kernel.name_of(master);
  if (alias != nullptr) line += std::string(" alias ") + alias;
  if (type != nullptr && std::string(type) == "vxlan") line += vxlan_text(link);
  line += mode_text(link);
  return line;
}

std::string line_of_neighbour(const Kernel& kernel, nlmsghdr* message) {
  rtnl_neigh* neighbour = nullptr;
  require(rtnl_neigh_parse(message, &neighbour), "read a neighbour");
  const bool bridged = rtnl_neigh_get_family(neighbour) == AF_BRIDGE;
  nl_addr* destination = rtnl_neigh_get_dst(neighbour);
  nl_addr* mac = rtnl_neigh_get_lladdr(neighbour);
  std::string line = kernel.name_of(rtnl_neigh_get_ifindex(neighbour)) + " ";
  line += bridged ? text_of(mac) + part("dst", destination)
                  : text_of(destination) + part("lladdr", mac);
  if ((rtnl_neigh_get_flags(neighbour) & NTF_SELF) != 0) line += " self";
  if ((rtnl_neigh_get_flags(neighbour) & NTF_MASTER) != 0) line += " master";
  if ((rtnl_neigh_get_state(neighbour) & NUD_PERMANENT) != 0) line += " permanent";
  rtnl_neigh_put(neighbour);
  nlattr* protocol = attribute_at(message, sizeof(ndmsg), {NDA_PROTOCOL});
  if (protocol != nullptr && nla_get_u8(protocol) != 0)
    line += " proto " + std::to_string(nla_get_u8(protocol));
  return line;
}

/// libnl has no function that reads entries of bridges, and does not know NDA_PROTOCOL.
Lines read_neighbours(unsigned char family) {
  Kernel kernel;
  Lines lines;
  ndmsg header{};
  header.ndm_family = family;
  kernel.dump(RTM_GETNEIGH, header,
              [&](nlmsghdr* message) { lines.push_back(line_of_neighbour(kernel, message)); });
  std::ranges::sort(lines);
  return lines;
}

std::string scope_text(int scope) {
  if (scope == RT_SCOPE_UNIVERSE) return "";
  Text text{};
  return std::string(" scope ") + rtnl_scope2str(scope, text.data(), text.size());
}

/// Empty for a rule of multicast routing.
std::string line_of_rule(rtnl_rule* rule) {
  const int family = rtnl_rule_get_family(rule);
  if (family != AF_INET && family != AF_INET6) return "";
  nl_addr* source = rtnl_rule_get_src(rule);
  nl_addr* destination = rtnl_rule_get_dst(rule);
  const char* in = rtnl_rule_get_iif(rule);
  const char* out = rtnl_rule_get_oif(rule);
  std::string line = family == AF_INET6 ? "ipv6 " : "ipv4 ";
  line += std::to_string(rtnl_rule_get_prio(rule)) + " from ";
  line += source == nullptr ? "all" : text_of(source);
  line += part("to", destination);
  if (in != nullptr) line += std::string(" iif ") + in;
  if (out != nullptr) line += std::string(" oif ") + out;
  if (rtnl_rule_get_mark(rule) != 0) line += " fwmark " + std::to_string(rtnl_rule_get_mark(rule));
  return line + " table " + table_name(rtnl_rule_get_table(rule));
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

Lines addresses() {
  Kernel kernel;
  const Cache cache = kernel.cache_of(&rtnl_addr_alloc_cache);
  return lines_of<rtnl_addr>(cache.get(), [&](rtnl_addr* address) {
    return kernel.name_of(rtnl_addr_get_ifindex(address)) + " " +
           text_of(rtnl_addr_get_local(address)) + part("brd", rtnl_addr_get_broadcast(address)) +
           scope_text(rtnl_addr_get_scope(address)) +
           ((rtnl_addr_get_flags(address) & IFA_F_TENTATIVE) != 0 ? " tentative" : "") +
           ((rtnl_addr_get_flags(address) & IFA_F_PERMANENT) == 0 ? " dynamic" : "");
  });
}

Lines routes() {
  Kernel kernel;
  Lines lines;
  // No cache of routes: libnl's merges those of one destination on several links.
  kernel.dump(RTM_GETROUTE, rtgenmsg{}, [&](nlmsghdr* message) {
    rtnl_route* route = nullptr;
    require(rtnl_route_parse(message, &route), "read a route");
    lines.push_back(line_of_route(kernel, route));
    rtnl_route_put(route);
  });
  std::ranges::sort(lines);
  return lines;
}

Lines neighbours() {
  return read_neighbours(AF_UNSPEC);
}

Lines fdb() {
  return read_neighbours(AF_BRIDGE);
}

Lines qdiscs() {
  Kernel kernel;
  const Cache cache = kernel.cache_of(&rtnl_qdisc_alloc_cache);
  return lines_of<rtnl_qdisc>(cache.get(), [&](rtnl_qdisc* qdisc) {
    rtnl_tc* common = TC_CAST(qdisc);
    Text text{};
    std::string line = kernel.name_of(rtnl_tc_get_ifindex(common)) + " " +
                       rtnl_tc_get_kind(common) + " " +
                       rtnl_tc_handle2str(rtnl_tc_get_handle(common), text.data(), text.size());
    line += std::string(" parent ") +
            rtnl_tc_handle2str(rtnl_tc_get_parent(common), text.data(), text.size());
    if (std::string(rtnl_tc_get_kind(common)) != "tbf") return line;
    return line + " rate " + std::to_string(rtnl_qdisc_tbf_get_rate(qdisc)) + " burst " +
           std::to_string(rtnl_qdisc_tbf_get_rate_bucket(qdisc)) + " limit " +
           std::to_string(rtnl_qdisc_tbf_get_limit(qdisc));
  });
}

Lines rules() {
  Kernel kernel;
  const Cache cache = kernel.cache_of([](nl_sock* socket, nl_cache** all) {
    return rtnl_rule_alloc_cache(socket, AF_UNSPEC, all);
  });
  Lines lines = lines_of<rtnl_rule>(cache.get(), &line_of_rule);
  std::erase(lines, std::string());
  return lines;
}

Lines lines_with(Lines lines, const std::string& part) {
  std::erase_if(lines, [&](const std::string& line) { return line.find(part) == line.npos; });
  return lines;
}

Lines lines_without(Lines lines, const std::string& part) {
  std::erase_if(lines, [&](const std::string& line) { return line.find(part) != line.npos; });
  return lines;
}

std::string text_of(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace test::oracle
