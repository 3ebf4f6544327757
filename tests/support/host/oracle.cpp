// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host/oracle.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <stdexcept>

#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <netlink/route/tc.h>

namespace test::oracle {
namespace {

using Text = std::array<char, 128>;
using Socket = std::unique_ptr<nl_sock, decltype(&nl_socket_free)>;
using Cache = std::unique_ptr<nl_cache, decltype(&nl_cache_free)>;

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
  void dump(int type, nl_recvmsg_msg_cb_t take, void* to) {
    require(nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, take, to),
            "set a callback");
    require(nl_rtgen_request(socket_.get(), type, AF_UNSPEC, NLM_F_DUMP), "ask for a list");
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

}  // namespace

Lines links() {
  const Kernel kernel;
  return lines_of<rtnl_link>(kernel.links(), [&](rtnl_link* link) {
    const char* type = rtnl_link_get_type(link);
    const char* qdisc = rtnl_link_get_qdisc(link);
    const int master = rtnl_link_get_master(link);
    return std::to_string(rtnl_link_get_ifindex(link)) + ": " + rtnl_link_get_name(link) +
           (type == nullptr ? "" : std::string(" ") + type) +
           ((rtnl_link_get_flags(link) & IFF_UP) != 0 ? " up" : " down") + " mtu " +
           std::to_string(rtnl_link_get_mtu(link)) + " qdisc " + (qdisc == nullptr ? "" : qdisc) +
           part("mac", rtnl_link_get_addr(link)) +
           (master == 0 ? "" : " master " + kernel.name_of(master));
  });
}

Lines addresses() {
  Kernel kernel;
  const Cache cache = kernel.cache_of(&rtnl_addr_alloc_cache);
  return lines_of<rtnl_addr>(cache.get(), [&](rtnl_addr* address) {
    return kernel.name_of(rtnl_addr_get_ifindex(address)) + " " +
           text_of(rtnl_addr_get_local(address)) + part("brd", rtnl_addr_get_broadcast(address)) +
           ((rtnl_addr_get_flags(address) & IFA_F_TENTATIVE) != 0 ? " tentative" : "");
  });
}

Lines routes() {
  Kernel kernel;
  // No cache of routes: libnl's merges those of one destination on several links.
  struct Found {
    const Kernel& kernel;
    Lines lines = {};
  } found{kernel};
  kernel.dump(
      RTM_GETROUTE,
      [](nl_msg* message, void* to) -> int {
        rtnl_route* route = nullptr;
        require(rtnl_route_parse(nlmsg_hdr(message), &route), "read a route");
        auto& [names, lines] = *static_cast<Found*>(to);
        lines.push_back(line_of_route(names, route));
        rtnl_route_put(route);
        return NL_OK;
      },
      &found);
  std::ranges::sort(found.lines);
  return found.lines;
}

Lines neighbours() {
  Kernel kernel;
  const Cache cache = kernel.cache_of(&rtnl_neigh_alloc_cache);
  return lines_of<rtnl_neigh>(cache.get(), [&](rtnl_neigh* neighbour) {
    const bool permanent = (rtnl_neigh_get_state(neighbour) & NUD_PERMANENT) != 0;
    return kernel.name_of(rtnl_neigh_get_ifindex(neighbour)) + " " +
           text_of(rtnl_neigh_get_dst(neighbour)) +
           part("lladdr", rtnl_neigh_get_lladdr(neighbour)) + (permanent ? " permanent" : "");
  });
}

Lines qdiscs() {
  Kernel kernel;
  const Cache cache = kernel.cache_of(&rtnl_qdisc_alloc_cache);
  return lines_of<rtnl_qdisc>(cache.get(), [&](rtnl_qdisc* qdisc) {
    rtnl_tc* common = TC_CAST(qdisc);
    Text text{};
    return kernel.name_of(rtnl_tc_get_ifindex(common)) + " " + rtnl_tc_get_kind(common) +
           " parent " + rtnl_tc_handle2str(rtnl_tc_get_parent(common), text.data(), text.size());
  });
}

Lines rules() {
  Kernel kernel;
  const Cache cache = kernel.cache_of([](nl_sock* socket, nl_cache** all) {
    return rtnl_rule_alloc_cache(socket, AF_UNSPEC, all);
  });
  Lines lines = lines_of<rtnl_rule>(cache.get(), [&](rtnl_rule* rule) {
    const int family = rtnl_rule_get_family(rule);
    if (family != AF_INET && family != AF_INET6) return std::string();  // of multicast routing
    nl_addr* source = rtnl_rule_get_src(rule);
    return std::string(family == AF_INET6 ? "ipv6 " : "ipv4 ") +
           std::to_string(rtnl_rule_get_prio(rule)) + " from " +
           (source == nullptr ? "all" : text_of(source)) + " table " +
           table_name(rtnl_rule_get_table(rule));
  });
  std::erase(lines, std::string());
  return lines;
}

std::string text_of(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace test::oracle
