// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>

#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/net/address.h"
#include "libcni/net/neighbor.h"
#include "libcni/net/route.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/prev_result.h"
#include "plugins/bgp/apply.h"
#include "plugins/bgp/plan.h"

namespace bgp {
namespace {

void verify_host_family(net::Netlink& host, const net::Link& link, int family) {
  attach::verify_forwarding(family);
  if (family == AF_INET) return attach::verify_conf(link.name, "rp_filter", "1");
  const auto gateway = base::host_prefix(gateway_of(family));
  const auto addresses = net::list_addresses(host, link.index);
  if (std::ranges::find(addresses, gateway, &net::Address::prefix) == addresses.end())
    attach::differs("gateway address " + gateway.text() + " is missing on " + link.name);
}

void verify_host(net::Netlink& host, const Plan& plan, const net::Link& link) {
  if (link.mac != gateway_mac())
    attach::differs("link " + link.name + " does not have the MAC address of the pod's gateway, " +
                    gateway_mac().text());
  for (const int family : plan.families) verify_host_family(host, link, family);
  for (const base::IpAddress& address : plan.addresses) {
    const net::Route wanted = host_route(address, link.index);
    const auto routes = net::list_routes(host, address.family());
    if (std::ranges::none_of(routes, [&](const net::Route& route) {
          return route.dst == wanted.dst && route.oif == wanted.oif &&
                 route.protocol == wanted.protocol;
        }))
      attach::differs("route to " + wanted.dst.text() + " is missing on the host");
  }
}

/// No neighbour entry at all is accepted as long as `host` answers: a plugin that changes the pod's
/// MAC address makes the kernel forget its neighbours.
void verify_gateways(net::Netlink& sandbox, const Plan& plan, const net::Link& link,
                     const net::Link& host) {
  const auto neighbors = net::list_neighbors(sandbox, link.index);
  for (const int family : plan.families) {
    const auto known = std::ranges::find(neighbors, gateway_of(family), &net::Neighbor::address);
    if (known == neighbors.end() && family == AF_INET)
      attach::verify_conf(host.name, "proxy_arp", "1");
    if (known != neighbors.end() && known->mac != gateway_mac())
      attach::differs("gateway " + known->address.text() + " has MAC address " + known->mac.text() +
                      " in the sandbox, must be " + gateway_mac().text());
  }
}

}  // namespace

void verify(const cni::Request& request) {
  const auto node = find_node(request, cni::Code::try_again_later);
  const Conf conf = parse_conf(request, node);
  const cni::Result& result = cni::require_prev_result(request);
  const cni::Request ipam_request = make_ipam_request(request, node);
  cni::Ipam(ipam_request).check();

  net::Netlink host;
  net::Netlink sandbox(*request.sandbox);
  const Plan plan = make_plan(conf, request, result);
  const net::Link container = attach::verify_veth(sandbox, cni::require_sandbox_interface(request));
  attach::verify(sandbox, container, plan.sandbox);
  const net::Link end = attach::verify_host_end(host, result, container);
  verify_gateways(sandbox, plan, container, end);
  verify_host(host, plan, end);
  if (!plan.masquerade.empty())
    firewall::check_masquerade(attach::owner_of(request), plan.masquerade);
  if (conf.spoof_check)
    attach::verify_source_check(*request.sandbox, attach::owner_of(request),
                                attach::pod_link(end.name, plan.sandbox.ips));
}

}  // namespace bgp
