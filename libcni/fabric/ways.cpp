// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/ways.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace fabric {
namespace {

constexpr int kTogetherV4 = 24;
constexpr int kTogetherV6 = 64;
constexpr std::string_view kOwnTunnel = "plumb:fabric";

}  // namespace

std::map<int, Way> find_ways(net::Netlink& netlink, std::span<const Node> peers, int family) {
  std::set<base::IpAddress> asked;
  std::map<int, Way> ways;
  std::set<int> others;
  for (const Node& peer : peers) {
    const auto address = peer.address_of(family);
    if (!address) continue;
    const base::Prefix together{*address, address->is_v4() ? kTogetherV4 : kTogetherV6};
    if (asked.contains(together.network().address)) continue;
    const auto index = net::find_output_link(netlink, *address);
    if (!index || others.contains(*index))
      continue;  // another peer of its network may be reachable
    if (!ways.contains(*index)) {
      auto link = net::find_link(netlink, *index);
      if (!link || link->name == "lo" || link->alias.starts_with(kOwnTunnel)) {
        others.insert(*index);
        continue;
      }
      ways.emplace(*index, Way{.link = std::move(*link)});
    }
    ++ways.at(*index).networks;
    asked.insert(together.network().address);
  }
  return ways;
}

std::optional<int> find_mtu_to(net::Netlink& netlink, std::span<const Node> peers, int family) {
  std::optional<int> mtu;
  for (const auto& [index, way] : find_ways(netlink, peers, family))
    mtu = std::min(mtu.value_or(way.link.mtu), way.link.mtu);
  return mtu;
}

std::vector<net::Route> list_default_routes(net::Netlink& netlink, int family) {
  std::vector<net::Route> routes = net::list_main_routes(netlink, family, 0);
  std::erase_if(routes, [&](const net::Route& route) {
    if (route.dst.length != 0 || route.blackhole || route.oif == 0) return true;
    const auto link = net::find_link(netlink, route.oif);
    return !link || !link->up || link->name == "lo";
  });
  std::ranges::stable_sort(routes, {}, &net::Route::priority);
  return routes;
}

}  // namespace fabric
