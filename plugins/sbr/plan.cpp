// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/plan.h"

#include <algorithm>
#include <set>

namespace sbr {
namespace {

constexpr std::uint32_t kFirstTable = 100;

/// The tables that are in use or chosen.
class Tables {
 public:
  explicit Tables(const Present& present) : present_(present) {
    for (const net::Rule& rule : present.rules) used_.insert(rule.table);
    for (const net::Route& route : present.routes) used_.insert(route.table);
  }
  std::uint32_t choose(const base::Prefix& source) {
    for (const net::Rule& rule : present_.rules)
      if (!rule.has_more && rule.source == source && rule.table >= kFirstTable &&
          is_own(rule.table))
        return rule.table;
    std::uint32_t table = kFirstTable;
    while (used_.contains(table) || !is_own(table)) ++table;
    used_.insert(table);
    return table;
  }

 private:
  const Present& present_;
  std::set<std::uint32_t> used_;
};

/// The routes of the interface in the main table. Of a route with several next hops, those of the
/// interface count as routes of their own.
std::vector<net::Route> routes_of_interface(const Present& present) {
  std::vector<net::Route> found;
  for (const net::Route& route : present.routes) {
    if (route.table != kMain) continue;
    for (const net::NextHop& hop : net::hops_of(route)) {
      if (hop.oif != present.index) continue;
      net::Route one = route;
      one.hops.clear();
      one.oif = hop.oif;
      one.gateway = hop.gateway;
      found.push_back(one);
    }
  }
  return found;
}

bool is_link_local_v6(const base::IpAddress& address) {
  return address.is_link_local_unicast() && !address.is_v4();
}

/// Returns whether packets from `source` use the route. A default route and an IPv6 link-local
/// gateway serve every address of the family, also where its subnet does not contain the gateway.
bool concerns(const net::Route& route, const base::Prefix& source) {
  const base::Prefix subnet = source.network();
  if (route.dst.address.is_v4() != source.address.is_v4()) return false;
  if (route.dst.length == 0 || (!route.source && !route.gateway)) return true;
  if (route.gateway && is_link_local_v6(*route.gateway)) return true;
  return (route.source && subnet.contains(*route.source)) ||
         (route.gateway && subnet.contains(*route.gateway));
}

net::Route default_route(const Source& source, int index, std::uint32_t table) {
  const base::IpAddress& any = source.address.address.masked(0);
  return {.dst = {any, 0}, .gateway = source.gateway, .oif = index, .table = table};
}

/// Returns whether packets to the subnet of `address` would take another source than this address.
/// IPv6 prefers an address of the route's own link by itself.
bool lacks_hint(const net::Route& route, const base::Prefix& address) {
  return address.address.is_v4() && !route.gateway && route.dst == address.network() &&
         route.source != address.address;
}

}  // namespace

bool is_own(std::uint32_t table) {
  return table < kMain - 1 || table > kMain + 1;
}

void put_on_link_first(std::vector<net::Route>& routes) {
  std::stable_partition(routes.begin(), routes.end(),
                        [](const net::Route& route) { return !route.gateway; });
}

std::vector<Source> sources_of(const Conf& conf, const cni::Result& result,
                               const std::string& ifname) {
  std::vector<Source> sources;
  for (const cni::IpConfig& ip : result.ips) {
    // Other plugins write -1, or the index of an interface that they do not list.
    const auto at = static_cast<std::size_t>(ip.interface.value_or(-1));
    if (at < result.interfaces.size() && result.interfaces[at].name != ifname) continue;
    const auto& ours = ip.address.address.is_v4() ? conf.gateway_v4 : conf.gateway_v6;
    sources.push_back({.address = ip.address, .gateway = ours ? ours : ip.gateway});
  }
  return sources;
}

namespace {

/// Plans the move of the interface's routes `ours` into the table of one address.
void plan_move(Plan& plan, const Conf& conf, std::span<const net::Route> ours,
               const Source& source) {
  const std::uint32_t table = plan.rules.back().table;
  for (const net::Route& route : ours) {
    if (!concerns(route, source.address)) continue;
    if (route.dst.length != 0 || !source.gateway) {  // else the table has its own default route
      plan.added.push_back(route);
      plan.added.back().table = table;
    }
    const bool stays = is_link_local_v6(route.dst.address) || (conf.source_hints && !route.gateway);
    if (!stays && std::ranges::find(plan.removed, route) == plan.removed.end())
      plan.removed.push_back(route);
    if (!conf.source_hints || !lacks_hint(route, source.address)) continue;
    plan.replaced.push_back(route);
    plan.hints.push_back(route);
    plan.hints.back().source = source.address.address;
  }
}

}  // namespace

Plan make_plan(const Conf& conf, const Present& present, std::span<const Source> sources) {
  Plan plan;
  Tables tables(present);
  const std::vector<net::Route> ours = routes_of_interface(present);
  for (const Source& source : sources) {
    const base::Prefix host = base::host_prefix(source.address.address);
    const std::uint32_t table = conf.table ? *conf.table : tables.choose(host);
    plan.rules.push_back({.source = host, .table = table});
    if (conf.table) continue;
    plan_move(plan, conf, ours, source);
    if (source.gateway) plan.added.push_back(default_route(source, present.index, table));
  }
  put_on_link_first(plan.added);
  put_on_link_first(plan.removed);
  return plan;
}

}  // namespace sbr
