// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/netlink.h"

namespace net {

/// Numbers of linux/rtnetlink.h that callers name.
inline constexpr std::uint8_t kScopeLink = 253;
inline constexpr std::uint8_t kScopeHost = 254;
inline constexpr std::uint8_t kProtocolKernel = 2;
inline constexpr std::uint8_t kProtocolRouterAdvertisement = 9;  ///< RTPROT_RA
inline constexpr std::uint32_t kMetricV6 = 1024;     ///< IP6_RT_PRIO_USER: what is made of 0
inline constexpr std::uint32_t kMetricOnLink = 256;  ///< IP6_RT_PRIO_ADDRCONF: of a link's prefixes

/// One of the ways that a route takes.
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
  /// As read, where there are several; `gateway` and `oif` are empty then. The kernel makes one
  /// such route of two IPv6 routes that differ in nothing else.
  std::vector<NextHop> hops = {};
  bool operator==(const Route&) const = default;
};

/// The ways that `route` takes, one or several.
std::vector<NextHop> hops_of(const Route& route);

enum class IfPresent { fail, keep, replace };

/// Adds the route. `fail` creates beside a route of another gateway, as the reference does
/// (NLM_F_CREATE without EXCL), and throws EEXIST for an identical one; `keep` leaves an identical
/// one alone.
void add_route(Netlink& netlink, const Route& route, IfPresent if_present);
/// Returns false when there was none.
bool remove_route(Netlink& netlink, const Route& route);
/// Unicast routes of `family` (AF_INET, AF_INET6) in every table.
std::vector<Route> list_routes(Netlink& netlink, int family);
/// Unicast and blackhole routes of the main table; those of one `protocol`, or 0 for all.
std::vector<Route> list_main_routes(Netlink& netlink, int family, std::uint8_t protocol);

/// Routes of the main table that are in use and that `keep` wants, of any protocol. Also those that
/// refuse packets in another way than a blackhole: `blackhole` is set. Others use no memory.
std::vector<Route> find_main_routes(Netlink& netlink, int family,
                                    const std::function<bool(const Route&)>& keep);

/// How put_route() deals with a route to the same destination with the same metric.
enum class Put { add, replace };
/// `add` is refused with EEXIST where any stands there, `replace` replaces the first that does.
void put_route(Pipeline& pipeline, const Route& route, Put put);
/// Exactly this one: gateway, link, metric and protocol have to match.
void remove_route(Pipeline& pipeline, const Route& route);

/// The link that packets to `destination` leave by; nothing when unreachable.
std::optional<int> find_output_link(Netlink& netlink, const base::IpAddress& destination);
/// How packets leave: by which link, and to which next hop unless the destination is on the link.
struct Way {
  int oif = 0;
  std::optional<base::IpAddress> gateway = {};
};
/// That of packets to `destination`; nothing when unreachable.
std::optional<Way> find_way(Netlink& netlink, const base::IpAddress& destination);
/// Whether packets to `address` that arrive on link `index` end here.
bool is_local(Netlink& netlink, const base::IpAddress& address, int index);

}  // namespace net
