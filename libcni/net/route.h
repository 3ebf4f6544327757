// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/batch.h"
#include "libcni/net/netlink.h"

namespace net {

/// Numbers of linux/rtnetlink.h that callers name.
inline constexpr std::uint8_t kScopeLink = 253;
inline constexpr std::uint8_t kScopeHost = 254;
inline constexpr std::uint8_t kProtocolKernel = 2;
inline constexpr std::uint8_t kProtocolRouterAdvertisement = 9;  ///< RTPROT_RA
inline constexpr std::uint32_t kMetricV6 = 1024;  ///< IP6_RT_PRIO_USER: the metric that 0 becomes
inline constexpr std::uint32_t kMetricOnLink =
    256;  ///< IP6_RT_PRIO_ADDRCONF: metric of a link's prefixes

/// One next hop of a route.
struct NextHop {
  int oif = 0;
  std::optional<base::IpAddress> gateway = {};
  bool operator==(const NextHop&) const = default;
};

/// A unicast route, or with `blackhole` one that drops. `dst` is masked when it is sent. `gateway`
/// of an IPv4 route can be an IPv6 address (kernel 5.2).
struct Route {
  base::Prefix dst;
  std::optional<base::IpAddress> gateway = {};
  std::optional<base::IpAddress> source = {};  ///< preferred source address
  int oif = 0;
  std::uint32_t table = 254;   ///< main
  std::uint8_t scope = 0;      ///< RT_SCOPE_UNIVERSE
  std::uint8_t protocol = 3;   ///< RTPROT_BOOT
  std::uint32_t priority = 0;  ///< metric
  std::uint32_t mtu = 0;
  std::uint32_t advmss = 0;
  bool onlink = false;
  bool blackhole = false;
  /// Set on routes with several next hops; `gateway` and `oif` are empty then. The kernel merges
  /// two IPv6 routes that differ only in their next hop into one such route. put_route() accepts
  /// those whose gateways are of the family of `dst`.
  std::vector<NextHop> hops = {};
  bool operator==(const Route&) const = default;
};

/// The next hops of `route`, one or several.
std::vector<NextHop> hops_of(const Route& route);

enum class IfPresent { fail, keep, replace, refuse };

/// Adds the route. `fail` adds it beside a route with another gateway, as the reference does
/// (NLM_F_CREATE without EXCL), and throws EEXIST for an identical one; `keep` accepts an identical
/// one; `refuse` throws EEXIST for every route with this destination and metric.
void add_route(Netlink& netlink, const Route& route, IfPresent if_present);
/// Returns false when the route did not exist.
bool remove_route(Netlink& netlink, const Route& route);
/// The same two with others in one batch. A route that exists is kept, one that is gone stays gone.
void put_route(Batch& batch, const Route& route);
void remove_route(Batch& batch, const Route& route);
/// Unicast routes of `family` (AF_INET, AF_INET6) in every table.
std::vector<Route> list_routes(Netlink& netlink, int family);
/// Unicast and blackhole routes of the main table with `protocol`, or all for 0.
std::vector<Route> list_main_routes(Netlink& netlink, int family, std::uint8_t protocol);

/// Active routes of the main table, of any protocol, for which `keep` returns true. Includes routes
/// that refuse packets in another way than a blackhole, with `blackhole` set. Other routes use no
/// memory.
std::vector<Route> find_main_routes(Netlink& netlink, int family,
                                    const std::function<bool(const Route&)>& keep);

/// The treatment of an existing route to the same destination with the same metric by put_route().
enum class Put { add, replace };
/// `add` throws EEXIST if there is one, `replace` replaces the first.
void put_route(Pipeline& pipeline, const Route& route, Put put);
/// Removes exactly this route: gateway, link, metric and protocol must match.
void remove_route(Pipeline& pipeline, const Route& route);

/// The link by which packets to `destination` leave; nothing when unreachable.
std::optional<int> find_output_link(Netlink& netlink, const base::IpAddress& destination);
/// The way of packets: the link, and the next hop unless the destination is on the link.
struct Way {
  int oif = 0;
  std::optional<base::IpAddress> gateway = {};
};
/// The way of packets to `destination`; nothing when unreachable.
std::optional<Way> find_way(Netlink& netlink, const base::IpAddress& destination);
/// Returns whether packets to `address` that arrive on link `index` are delivered to this host.
bool is_local(Netlink& netlink, const base::IpAddress& address, int index);

}  // namespace net
