// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/route.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "libcni/base/gone.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

std::string describe(const Route& route) {
  std::string text = "route " + route.dst.network().text();
  if (route.gateway) text += " via " + route.gateway->text();
  return text + " on link " + std::to_string(route.oif);
}

void put_gateway(Message& message, const Route& route) {
  const auto bytes = route.gateway->bytes();
  const int family = route.gateway->family();
  if (family == route.dst.address.family()) {
    message.put(RTA_GATEWAY, bytes);
    return;
  }
  std::array<std::uint8_t, sizeof(rtvia) + 16> via{};  // the family in host order, the address
  const auto wide = static_cast<__kernel_sa_family_t>(family);
  std::memcpy(via.data(), &wide, sizeof wide);
  std::ranges::copy(bytes, via.begin() + sizeof(rtvia));
  message.put(RTA_VIA, std::span(via).first(sizeof(rtvia) + bytes.size()));
}

void append(std::vector<std::uint8_t>& bytes, const void* data, std::size_t size) {
  const auto* first = static_cast<const std::uint8_t*>(data);
  bytes.insert(bytes.end(), first, first + size);
}

/// The inverse of parse_hops().
void put_hops(Message& message, const Route& route) {
  std::vector<std::uint8_t> bytes;
  for (const NextHop& hop : route.hops) {
    rtnexthop header{};
    const auto gateway = hop.gateway ? hop.gateway->bytes() : std::span<const std::uint8_t>{};
    const nlattr attribute{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + gateway.size()),
                           .nla_type = RTA_GATEWAY};
    header.rtnh_len =
        static_cast<std::uint16_t>(sizeof header + (hop.gateway ? attribute.nla_len : 0));
    header.rtnh_flags = route.onlink ? RTNH_F_ONLINK : 0;
    header.rtnh_ifindex = hop.oif;
    append(bytes, &header, sizeof header);
    if (!hop.gateway) continue;
    append(bytes, &attribute, sizeof attribute);
    append(bytes, gateway.data(), gateway.size());
  }
  message.put(RTA_MULTIPATH, bytes);
}

void fill(Message& message, const Route& route, std::uint8_t scope) {
  auto& header = message.extra<rtmsg>();
  header.rtm_family = static_cast<std::uint8_t>(route.dst.address.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(route.dst.length);
  header.rtm_table = static_cast<std::uint8_t>(route.table < 256 ? route.table : RT_TABLE_UNSPEC);
  header.rtm_protocol = route.protocol;
  header.rtm_scope = scope;
  header.rtm_type = route.blackhole ? RTN_BLACKHOLE : RTN_UNICAST;
  header.rtm_flags = route.onlink ? RTNH_F_ONLINK : 0;
  message.put(RTA_DST, route.dst.network().address.bytes());
  if (route.table >= 256) message.put_u32(RTA_TABLE, route.table);
  if (route.gateway) put_gateway(message, route);
  if (!route.hops.empty()) put_hops(message, route);
  if (route.source) message.put(RTA_PREFSRC, route.source->bytes());
  if (route.oif != 0) message.put_u32(RTA_OIF, static_cast<std::uint32_t>(route.oif));
  if (route.priority != 0) message.put_u32(RTA_PRIORITY, route.priority);
  if (route.mtu == 0 && route.advmss == 0) return;
  message.nest(RTA_METRICS, [&] {
    if (route.mtu != 0) message.put_u32(RTAX_MTU, route.mtu);
    if (route.advmss != 0) message.put_u32(RTAX_ADVMSS, route.advmss);
  });
}

std::optional<base::IpAddress> parse_gateway(const nlattr& a) {
  const auto bytes = bytes_of(a);
  if (type_of(a) == RTA_GATEWAY) return base::IpAddress::from_bytes(bytes);
  if (bytes.size() <= sizeof(rtvia)) return std::nullopt;
  return base::IpAddress::from_bytes(bytes.subspan(sizeof(rtvia)));
}

/// RTA_MULTIPATH: a list of rtnexthop, each with attributes of its own behind it.
std::vector<NextHop> parse_hops(std::span<const std::uint8_t> bytes) {
  std::vector<NextHop> hops;
  while (bytes.size() >= sizeof(rtnexthop)) {
    rtnexthop header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.rtnh_len < sizeof header || header.rtnh_len > bytes.size()) break;
    NextHop hop{.oif = header.rtnh_ifindex};
    for_each_attribute(bytes.data() + sizeof header, bytes.data() + header.rtnh_len,
                       [&](const nlattr& a) {
                         if (type_of(a) == RTA_GATEWAY || type_of(a) == RTA_VIA)
                           hop.gateway = parse_gateway(a);
                       });
    hops.push_back(hop);
    bytes = bytes.subspan(std::min<std::size_t>(RTNH_ALIGN(header.rtnh_len), bytes.size()));
  }
  return hops;
}

void parse_attribute(Route& route, const nlattr& a) {
  switch (type_of(a)) {
    case RTA_DST:
      if (const auto dst = base::IpAddress::from_bytes(bytes_of(a))) route.dst.address = *dst;
      break;
    case RTA_GATEWAY:
    case RTA_VIA:
      route.gateway = parse_gateway(a);
      break;
    case RTA_MULTIPATH:
      route.hops = parse_hops(bytes_of(a));
      break;
    case RTA_PREFSRC:
      route.source = base::IpAddress::from_bytes(bytes_of(a));
      break;
    case RTA_OIF:
      route.oif = static_cast<int>(u32_of(a));
      break;
    case RTA_TABLE:
      route.table = u32_of(a);
      break;
    case RTA_PRIORITY:
      route.priority = u32_of(a);
      break;
    case RTA_METRICS:
      for_each_nested(a, [&](const nlattr& metric) {
        if (type_of(metric) == RTAX_MTU) route.mtu = u32_of(metric);
        if (type_of(metric) == RTAX_ADVMSS) route.advmss = u32_of(metric);
      });
      break;
    default:
      break;
  }
}

std::optional<Route> parse(const nlmsghdr& reply, bool other_refusals = false) {
  const auto* header = header_of<rtmsg>(reply);
  if (header == nullptr) return std::nullopt;
  const bool refuses =
      header->rtm_type == RTN_BLACKHOLE ||
      (other_refusals && (header->rtm_type == RTN_UNREACHABLE || header->rtm_type == RTN_PROHIBIT));
  if (header->rtm_type != RTN_UNICAST && !refuses) return std::nullopt;
  constexpr std::array<std::uint8_t, 16> kZero{};
  Route route;
  route.dst.address =
      *base::IpAddress::from_bytes(std::span(kZero).first(header->rtm_family == AF_INET ? 4 : 16));
  route.dst.length = header->rtm_dst_len;
  route.table = header->rtm_table;
  route.scope = header->rtm_scope;
  route.protocol = header->rtm_protocol;
  route.blackhole = refuses;
  route.onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0;
  for_each_attribute<rtmsg>(reply, [&](const nlattr& a) { parse_attribute(route, a); });
  return route;
}

struct Found {
  unsigned char type = RTN_UNREACHABLE;
  std::optional<int> oif;
  std::optional<base::IpAddress> gateway;
};

/// Asks for the kernel's route of a packet to `destination`, by link `oif` unless that is 0.
Found look_up(Netlink& netlink, const base::IpAddress& destination, int oif) try {
  Message message(RTM_GETROUTE, 0);
  auto& header = message.extra<rtmsg>();
  header.rtm_family = static_cast<std::uint8_t>(destination.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.bits());
  message.put(RTA_DST, destination.bytes());
  if (oif != 0) message.put_u32(RTA_OIF, static_cast<std::uint32_t>(oif));
  Found found;
  netlink.get(message, "look up the route to " + destination.text(), [&](const nlmsghdr& reply) {
    found.type = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&reply))->rtm_type;
    for_each_attribute<rtmsg>(reply, [&](const nlattr& a) {
      if (type_of(a) == RTA_OIF) found.oif = static_cast<int>(u32_of(a));
      if (type_of(a) == RTA_GATEWAY) found.gateway = base::IpAddress::from_bytes(bytes_of(a));
      if (type_of(a) == RTA_VIA && bytes_of(a).size() > sizeof(rtvia))
        found.gateway = base::IpAddress::from_bytes(bytes_of(a).subspan(sizeof(rtvia)));
    });
  });
  return found;
} catch (const std::system_error& e) {
  // No route, or a route of type unreachable, prohibit or blackhole.
  for (const int refusal : {ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL})
    if (e.code().value() == refusal) return {};
  throw;
}

}  // namespace

std::vector<NextHop> hops_of(const Route& route) {
  if (!route.hops.empty()) return route.hops;
  return {{.oif = route.oif, .gateway = route.gateway}};
}

void add_route(Netlink& netlink, const Route& route, IfPresent if_present) try {
  int flags = NLM_F_CREATE;
  if (if_present == IfPresent::replace) flags |= NLM_F_REPLACE;
  if (if_present == IfPresent::refuse) flags |= NLM_F_EXCL;
  Message message(RTM_NEWROUTE, static_cast<std::uint16_t>(flags));
  fill(message, route, route.scope);
  netlink.request(message, "add " + describe(route));
} catch (const std::system_error& e) {
  if (e.code().value() != EEXIST || if_present != IfPresent::keep) throw;
}

void put_route(Batch& batch, const Route& route) {
  Message message(RTM_NEWROUTE, NLM_F_CREATE);
  fill(message, route, route.scope);
  batch.add(message, "add " + describe(route), [](int errnum) { return errnum == EEXIST; });
}

void remove_route(Batch& batch, const Route& route) {
  Message message(RTM_DELROUTE, 0);
  fill(message, route, RT_SCOPE_NOWHERE);
  batch.add(message, "remove " + describe(route),
            [](int errnum) { return base::is_gone(errnum, base::Object::route); });
}

bool remove_route(Netlink& netlink, const Route& route) try {
  Message message(RTM_DELROUTE, 0);
  // RT_SCOPE_NOWHERE matches a route of any scope.
  fill(message, route, RT_SCOPE_NOWHERE);
  netlink.request(message, "remove " + describe(route));
  return true;
} catch (const std::system_error& e) {
  if (base::is_gone(e.code().value(), base::Object::route)) return false;
  throw;
}

std::vector<Route> list_routes(Netlink& netlink, int family) {
  std::vector<Route> routes;
  Message message(RTM_GETROUTE, 0);
  message.extra<rtmsg>().rtm_family = static_cast<std::uint8_t>(family);
  netlink.dump(
      message, "list routes",
      [&](const nlmsghdr& reply) {
        if (const auto route = parse(reply); route && !route->blackhole) routes.push_back(*route);
      },
      [&] { routes.clear(); });
  return routes;
}

std::vector<Route> list_main_routes(Netlink& netlink, int family, std::uint8_t protocol) {
  std::vector<Route> routes;
  Message message(RTM_GETROUTE, 0);
  auto& header = message.extra<rtmsg>();
  header.rtm_family = static_cast<std::uint8_t>(family);
  // Since 4.20 the kernel skips the others; older kernels list all of them.
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = protocol;
  netlink.dump(
      message, "list routes",
      [&](const nlmsghdr& reply) {
        const auto route = parse(reply);
        if (route && route->table == RT_TABLE_MAIN &&
            (protocol == 0 || route->protocol == protocol))
          routes.push_back(*route);
      },
      [&] { routes.clear(); });
  return routes;
}

std::vector<Route> find_main_routes(Netlink& netlink, int family,
                                    const std::function<bool(const Route&)>& keep) {
  std::vector<Route> routes;
  Message message(RTM_GETROUTE, 0);
  auto& header = message.extra<rtmsg>();
  header.rtm_family = static_cast<std::uint8_t>(family);
  header.rtm_table = RT_TABLE_MAIN;
  netlink.dump(
      message, "list routes",
      [&](const nlmsghdr& reply) {
        const auto* found = header_of<rtmsg>(reply);
        if (found == nullptr || (found->rtm_flags & RTNH_F_DEAD) != 0) return;
        const auto route = parse(reply, true);
        if (route && route->table == RT_TABLE_MAIN && keep(*route)) routes.push_back(*route);
      },
      [&] { routes.clear(); });
  return routes;
}

void put_route(Pipeline& pipeline, const Route& route, Put put) {
  // Without NLM_F_EXCL a second IPv6 route would become another path of the first.
  Message message(RTM_NEWROUTE, put == Put::add ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_REPLACE);
  fill(message, route, route.scope);
  pipeline.add(message);
}

void remove_route(Pipeline& pipeline, const Route& route) {
  Message message(RTM_DELROUTE, 0);
  fill(message, route, RT_SCOPE_NOWHERE);
  pipeline.add(message);
}

std::optional<int> find_output_link(Netlink& netlink, const base::IpAddress& destination) {
  return look_up(netlink, destination, 0).oif;
}

std::optional<Way> find_way(Netlink& netlink, const base::IpAddress& destination) {
  const Found found = look_up(netlink, destination, 0);
  if (!found.oif) return std::nullopt;
  return Way{.oif = *found.oif, .gateway = found.gateway};
}

bool is_local(Netlink& netlink, const base::IpAddress& address, int index) {
  return look_up(netlink, address, index).type == RTN_LOCAL;
}

}  // namespace net
