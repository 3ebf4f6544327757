// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/plan.h"

#include <algorithm>

namespace vrf {
namespace {

constexpr std::uint32_t kDefault = 253;  // RT_TABLE_DEFAULT
constexpr std::uint32_t kMain = 254;
constexpr std::uint32_t kLocal = 255;

bool is_on_link(const net::Route& route) {
  return std::ranges::none_of(net::hops_of(route),
                              [](const net::NextHop& hop) { return hop.gateway.has_value(); });
}

}  // namespace

bool is_of_kernel(std::uint32_t table) {
  return table >= kDefault && table <= kLocal;
}

std::uint32_t choose_table(const std::set<std::uint32_t>& used) {
  std::uint32_t table = 1;
  while (used.contains(table) || is_of_kernel(table)) ++table;
  return table;
}

std::vector<net::Route> find_forgotten(std::span<const net::Route> present, int index) {
  std::vector<net::Route> found;
  for (net::Route route : present) {
    if (route.table == kLocal || route.protocol == net::kProtocolKernel ||
        route.protocol == net::kProtocolRouterAdvertisement)
      continue;
    auto hops = net::hops_of(route);
    std::erase_if(hops, [&](const net::NextHop& hop) { return hop.oif != index; });
    if (hops.empty()) continue;
    if (hops.size() == 1) {
      route.oif = hops[0].oif;
      route.gateway = hops[0].gateway;
      hops.clear();
    }
    route.hops = std::move(hops);
    found.push_back(std::move(route));
  }
  std::stable_partition(found.begin(), found.end(), is_on_link);
  return found;
}

std::vector<net::Route> move(std::vector<net::Route> routes, std::uint32_t table) {
  for (net::Route& route : routes)
    if (route.table == kMain) route.table = table;
  return routes;
}

}  // namespace vrf
