// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "libcni/net/masquerade.h"
#include "libcni/net/neighbor.h"
#include "libcni/net/route.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/prev_result.h"
#include "plugins/bgp/apply.h"
#include "plugins/bgp/plan.h"

namespace bgp {
namespace {

/// The host's end: the veth of prevResult whose peer is the container's end.
net::Link verify_host_link(net::Netlink& host, const cni::Result& result,
                           const net::Link& container) {
  for (const cni::Interface& interface : result.interfaces) {
    if (!interface.sandbox.empty()) continue;
    const auto link = net::find_link(host, interface.name);
    if (link && link->kind == "veth" && link->peer_index == container.index && link->up)
      return *link;
  }
  attach::differs("the host end of " + container.name + " is missing or down");
}

void verify_host(net::Netlink& host, const Plan& plan, const net::Link& link) {
  if (link.mac != gateway_mac())
    attach::differs("link " + link.name + " has another MAC address than the pod's gateway, " +
                    gateway_mac().text());
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

/// None at all is well: a plugin that changes the pod's MAC address makes the kernel forget its
/// neighbours, and the host's end answers instead.
void verify_gateways(net::Netlink& sandbox, const Plan& plan, const net::Link& link) {
  const auto neighbors = net::list_neighbors(sandbox, link.index);
  for (const int family : plan.families)
    for (const net::Neighbor& neighbor : neighbors)
      if (neighbor.address == gateway_of(family) && neighbor.mac != gateway_mac())
        attach::differs("gateway " + neighbor.address.text() + " has MAC address " +
                        neighbor.mac.text() + " in the sandbox, want " + gateway_mac().text());
}

}  // namespace

void verify(const cni::Request& request) {
  const auto node = find_node(request, cni::Code::try_again_later);
  const Conf conf = parse_conf(request, node);
  if (!request.prev_result)
    throw cni::Error(cni::Code::invalid_config, "bgp: Required prevResult missing");
  const cni::Request ipam_request = make_ipam_request(request, node);
  cni::Ipam(ipam_request).check();

  net::Netlink host;
  net::Netlink sandbox(*request.sandbox);
  const Plan plan = make_plan(conf, request, *request.prev_result);
  const net::Link container =
      attach::verify_veth(sandbox, request.ifname, cni::require_sandbox_interface(request).mac);
  attach::verify(sandbox, container, plan.sandbox);
  verify_gateways(sandbox, plan, container);
  verify_host(host, plan, verify_host_link(host, *request.prev_result, container));
  if (!plan.masquerade.empty()) net::check_masquerade(owner_of(request), plan.masquerade);
}

}  // namespace bgp
