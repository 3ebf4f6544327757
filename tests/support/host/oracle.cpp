// SPDX-License-Identifier: Apache-2.0
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <netlink/route/tc.h>

#include "tests/support/host/oracle_kernel.h"

namespace test::oracle {
namespace {

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
