// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/leftovers.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "agent/loop/log.h"
#include "libcni/fabric/desired.h"
#include "libcni/net/route.h"

namespace agent::bird {
namespace {

/// The `ranges` that have a route of plumbd.
std::vector<base::Prefix> present_of(net::Netlink& netlink, int family,
                                     const std::vector<base::Prefix>& ranges) {
  std::vector<base::Prefix> present;
  for (const std::uint8_t protocol : {fabric::kProtocolVxlan, fabric::kProtocolDirect})
    for (const net::Route& route : net::list_main_routes(netlink, family, protocol))
      if (std::ranges::find(ranges, route.dst) != ranges.end()) present.push_back(route.dst);
  return present;
}

}  // namespace

std::size_t remove_leftovers(net::Netlink& netlink, const std::vector<base::Prefix>& routed,
                             bool singles) {
  std::size_t removed = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    std::vector<net::Route> found = net::list_main_routes(netlink, family, fabric::kProtocolBird);
    std::erase_if(found, [&](const net::Route& route) {
      return (!singles && route.dst.length == route.dst.address.bits()) ||
             !base::any_contains(routed, route.dst);
    });
    if (found.empty()) continue;
    const auto present = present_of(netlink, family, routed);
    for (const net::Route& route : found) {
      if (!base::any_contains(present, route.dst) || !net::remove_route(netlink, route)) continue;
      log(LogLevel::info, "kernel: removed route " + route.dst.text() +
                              " of BIRD: plumbd has its own route to this range");
      ++removed;
    }
  }
  return removed;
}

}  // namespace agent::bird
