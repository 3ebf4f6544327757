// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/plan.h"

#include <sys/socket.h>

#include <algorithm>

#include "libcni/attach/owner.h"
#include "libcni/fabric/desired.h"
#include "libcni/fabric/node.h"

namespace bgp {
namespace {

const base::Prefix& default_route(int family) {
  static const base::Prefix kV4 = *base::Prefix::parse("0.0.0.0/0");
  static const base::Prefix kV6 = *base::Prefix::parse("::/0");
  return family == AF_INET ? kV4 : kV6;
}

bool is_main_table(const cni::Route& route) {
  constexpr std::uint64_t kMain = 254;
  return route.table.value_or(0) == 0 || route.table == kMain;
}

bool has_default(const cni::Result& result, int family) {
  return std::ranges::any_of(result.routes, [&](const cni::Route& route) {
    return route.dst == default_route(family) && is_main_table(route);
  });
}

std::vector<int> families_of(const std::vector<cni::IpConfig>& ips) {
  std::vector<int> families;
  for (const int family : {AF_INET, AF_INET6})
    if (std::ranges::any_of(ips,
                            [&](const auto& ip) { return ip.address.address.family() == family; }))
      families.push_back(family);
  return families;
}

/// The address with the prefix length of its range, which masquerading excludes. Nothing for an
/// address outside all ranges, which is not masqueraded.
std::optional<base::Prefix> find_masquerade(const Conf& conf, const base::IpAddress& address) {
  for (const base::Prefix& range : conf.network)
    if (range.contains(address)) return base::Prefix{address, range.length};
  return std::nullopt;
}

constexpr std::uint64_t kPriorityAfterOther = 2048;  // the kernel's own for IPv6 is 1024

/// IPv6 needs no route to its gateway: fe80::1 is on every link.
std::optional<cni::Route> find_on_link_route(int family) {
  if (family != AF_INET) return std::nullopt;
  return cni::Route{.dst = base::host_prefix(gateway_of(family)), .scope = net::kScopeLink};
}

}  // namespace

const base::IpAddress& gateway_of(int family) {
  static const base::IpAddress kV4 = *base::IpAddress::parse("169.254.1.1");
  static const base::IpAddress kV6 = *base::IpAddress::parse("fe80::1");
  return family == AF_INET ? kV4 : kV6;
}

const base::Mac& gateway_mac() {
  static const base::Mac kMac = fabric::vtep_mac(gateway_of(AF_INET));
  return kMac;
}

cni::Result complete_result(const Conf& conf, cni::Result ipam, const std::vector<int>& taken) {
  for (cni::IpConfig& ip : ipam.ips) {
    ip.address = base::host_prefix(ip.address.address);
    ip.gateway.reset();
    ip.interface = kContainerInterface;
  }
  const std::vector<int> families = families_of(ipam.ips);
  // A route of a family without a source address is useless, and the kernel refuses it where IPv6
  // is off.
  std::erase_if(ipam.routes, [&](const cni::Route& route) {
    return std::ranges::find(families, route.dst.address.family()) == families.end();
  });
  for (cni::Route& route : ipam.routes) {
    route.gateway = gateway_of(route.dst.address.family());
    if (route.scope.value_or(0) != 0) route.scope.reset();  // no longer on the link
  }
  for (const int family : families)
    if (!has_default(ipam, family))
      ipam.routes.push_back({.dst = default_route(family), .gateway = gateway_of(family)});
  for (cni::Route& route : ipam.routes)
    if (const int family = route.dst.address.family();
        route.dst == default_route(family) && is_main_table(route) && route.priority == 0 &&
        std::ranges::find(taken, family) != taken.end())
      route.priority = kPriorityAfterOther;
  if (conf.dns) ipam.dns = *conf.dns;
  return ipam;
}

Plan make_plan(const Conf& conf, const cni::Request& request, const cni::Result& result) {
  Plan plan;
  plan.veth = {.ifname = request.ifname,
               .mtu = conf.mtu,
               .alias = attach::alias_of(attach::owner_of(request)),
               .host_mac = gateway_mac()};
  plan.sandbox = {.ifname = request.ifname, .ips = {}, .routes = {}, .accept_ra = conf.accept_ra};
  for (const cni::IpConfig& ip : result.ips) {
    if (ip.interface != kContainerInterface) continue;
    plan.sandbox.ips.push_back(ip);
    plan.addresses.push_back(ip.address.address);
    if (!conf.ip_masq) continue;
    if (const auto prefix = find_masquerade(conf, ip.address.address))
      plan.masquerade.push_back(*prefix);
  }
  plan.families = families_of(plan.sandbox.ips);
  for (const int family : plan.families)
    if (auto route = find_on_link_route(family)) plan.sandbox.routes.push_back(*std::move(route));
  std::ranges::copy(result.routes, std::back_inserter(plan.sandbox.routes));
  return plan;
}

net::Route host_route(const base::IpAddress& address, int oif) {
  return {.dst = base::host_prefix(address),
          .oif = oif,
          .scope = address.is_v4() ? net::kScopeLink : std::uint8_t{0},
          .protocol = fabric::kProtocolPod};
}

}  // namespace bgp
