// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/gateways.h"

#include <algorithm>

#include "libcni/net/link.h"

namespace vxlan {
namespace {

bool has(const std::vector<base::Prefix>& ranges, const base::Prefix& range) {
  return std::ranges::find(ranges, range) != ranges.end();
}

bool is_gateway_inside(const std::vector<base::Prefix>& network, const base::Prefix& address) {
  return base::any_contains(network, address) &&
         address.address == address.network().address.plus(1);
}

/// True for a link-local address, and for the gateway of a range that the node has.
bool is_wanted(const PodSide& side, const base::Prefix& address) {
  const base::Prefix range = address.network();
  return address.address.is_link_local_unicast() || has(side.ranges, range) ||
         has(side.former, range);
}

}  // namespace

bool has_stale_gateway(std::span<const net::Address> addresses, const PodSide& side) {
  return std::ranges::any_of(addresses, [&](const net::Address& each) {
    return !is_wanted(side, each.prefix) && is_gateway_inside(side.network, each.prefix);
  });
}

void remove_stale_gateways(net::Netlink& host, const std::string& bridge, const PodSide& side) {
  const auto link = net::find_link(host, bridge);
  if (!link || link->kind != "bridge") return;
  std::vector<base::Prefix> stale;
  for (const net::Address& each : net::list_addresses(host, link->index)) {
    if (is_wanted(side, each.prefix)) continue;
    if (!is_gateway_inside(side.network, each.prefix)) return;
    stale.push_back(each.prefix);
  }
  if (stale.empty()) return;
  for (const net::Link& port : net::list_links(host))
    if (port.master == link->index) return;
  for (const base::Prefix& gateway : stale) net::remove_address(host, link->index, gateway);
}

}  // namespace vxlan
