// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/shadows.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "libcni/fabric/routes.h"

namespace fabric {
namespace {

constexpr std::size_t kShown = 10;

/// The protocol's name in `ip route`.
std::string word_of(std::uint8_t protocol) {
  struct Word {
    std::uint8_t protocol;
    std::string_view word;
  };
  for (const Word& each :
       {Word{2, "kernel"}, Word{3, "boot"}, Word{4, "static"}, Word{9, "ra"}, Word{11, "zebra"},
        Word{kProtocolBird, "bird"}, Word{16, "dhcp"}, Word{186, "bgp"}, Word{188, "ospf"}})
    if (each.protocol == protocol) return std::string(each.word);
  return std::to_string(protocol);
}

bool is_of_this_suite(std::uint8_t protocol) {
  return protocol >= kProtocolNetwork && protocol <= kProtocolPod;
}

/// The planned routes that can be shadowed, by address: ranges of two nodes do not overlap.
class Planned {
 public:
  explicit Planned(const Desired& desired) {
    for (const FabricRoute& route : desired.routes)
      if (!route.blackhole && route.metric != kFallbackMetric) routes_.push_back(&route);
    std::ranges::sort(routes_, {}, address_of);
  }
  bool has(int family) const {
    return std::ranges::any_of(
        routes_, [&](const FabricRoute* route) { return route->dst.address.family() == family; });
  }
  /// The route whose range contains `dst`; nullptr without one.
  const FabricRoute* find(const base::Prefix& dst) const {
    const auto behind = std::ranges::upper_bound(routes_, dst.address, {}, address_of);
    if (behind == routes_.begin()) return nullptr;
    const FabricRoute* route = *(behind - 1);
    return route->dst.contains(dst) ? route : nullptr;
  }

 private:
  static base::IpAddress address_of(const FabricRoute* route) {
    return route->dst.network().address;
  }
  std::vector<const FabricRoute*> routes_;
};

bool leads_the_same_way(const FabricRoute& planned, const net::Route& route) {
  return !route.blackhole && route.hops.empty() && route.gateway == planned.gateway &&
         link_name(route.oif) == planned.device;
}

bool goes_first(const net::Route& route, const FabricRoute& planned) {
  const bool v6 = !planned.dst.address.is_v4();
  const std::uint32_t metric = planned.metric == 0 && v6 ? net::kMetricV6 : planned.metric;
  return route.dst.length > planned.dst.length || route.priority < metric;
}

bool shadows(const net::Route& route, const FabricRoute& planned) {
  const bool is_single = route.dst.length == route.dst.address.bits();
  if (route.protocol == kProtocolBird && is_single) return false;
  return goes_first(route, planned) && !leads_the_same_way(planned, route);
}

}  // namespace

std::vector<Shadow> find_shadows(net::Netlink& netlink, const Desired& desired) {
  std::vector<Shadow> found;
  const Planned planned(desired);
  for (const int family : {AF_INET, AF_INET6}) {
    if (!planned.has(family)) continue;
    const auto routes = net::find_main_routes(netlink, family, [&](const net::Route& route) {
      if (is_of_this_suite(route.protocol)) return false;
      const FabricRoute* own = planned.find(route.dst);
      return own != nullptr && shadows(route, *own);
    });
    for (const net::Route& route : routes)
      found.push_back({.range = planned.find(route.dst)->dst.network(), .by = route});
  }
  return found;
}

std::string text_of(const Shadow& shadow) {
  const net::Route& by = shadow.by;
  std::string text = "route " + by.dst.text();
  for (const net::NextHop& hop : net::hops_of(by)) {
    if (hop.gateway) text += " via " + hop.gateway->text();
    if (hop.oif != 0) text += " dev " + link_name(hop.oif);
  }
  if (by.blackhole) text += " that refuses packets";
  return text + " (proto " + word_of(by.protocol) + ", metric " + std::to_string(by.priority) +
         ") of another program takes precedence over plumbd's route to " + shadow.range.text() +
         ": remove it, and keep that program from routing the ranges of pods";
}

std::vector<std::string> texts_of(const std::vector<Shadow>& shadows) {
  std::vector<std::string> texts;
  for (const Shadow& shadow : shadows) {
    if (texts.size() == kShown) {
      texts.push_back("and " + std::to_string(shadows.size() - kShown) + " more such routes");
      break;
    }
    texts.push_back(text_of(shadow));
  }
  return texts;
}

}  // namespace fabric
