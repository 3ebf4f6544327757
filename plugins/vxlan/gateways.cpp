// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/gateways.h"

#include <algorithm>

#include "libcni/net/address.h"
#include "libcni/net/link.h"

namespace vxlan {
namespace {

bool has(const std::vector<base::Prefix>& ranges, const base::Prefix& range) {
  return std::ranges::find(ranges, range) != ranges.end();
}

bool is_gateway_inside(const std::vector<base::Prefix>& network, const base::Prefix& address) {
  const bool inside = std::ranges::any_of(network, [&](const base::Prefix& range) {
    return range.length <= address.length && range.contains(address.address);
  });
  return inside && address.address == address.network().address.plus(1);
}

}  // namespace

void remove_stale_gateways(net::Netlink& host, const std::string& bridge, const PodSide& side) {
  const auto link = net::find_link(host, bridge);
  if (!link || link->kind != "bridge") return;
  std::vector<base::Prefix> stale;
  for (const net::Address& each : net::list_addresses(host, link->index)) {
    const base::Prefix range = each.prefix.network();
    if (each.prefix.address.is_link_local_unicast() || has(side.ranges, range) ||
        has(side.former, range))
      continue;
    if (!is_gateway_inside(side.network, each.prefix)) return;
    stale.push_back(each.prefix);
  }
  if (stale.empty()) return;
  for (const net::Link& port : net::list_links(host))
    if (port.master == link->index) return;
  for (const base::Prefix& gateway : stale) net::remove_address(host, link->index, gateway);
}

}  // namespace vxlan
