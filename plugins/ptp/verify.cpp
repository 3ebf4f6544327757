// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>

#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/net/address.h"
#include "libcni/net/route.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/prev_result.h"
#include "plugins/ptp/apply.h"
#include "plugins/ptp/plan.h"

namespace ptp {
namespace {

void verify_host(net::Netlink& host, const Plan& plan, const net::Link& link) {
  const auto addresses = net::list_addresses(host, link.index);
  for (const Leg& leg : plan.legs) {
    attach::verify_forwarding(leg.address.address.family());
    const auto gateway = base::host_prefix(leg.gateway);
    if (std::ranges::find(addresses, gateway, &net::Address::prefix) == addresses.end())
      attach::differs("gateway address " + gateway.text() + " is missing on " + link.name);
    const auto routes = net::list_routes(host, leg.address.address.family());
    const net::Route wanted = host_route(leg, link.index);
    if (std::ranges::none_of(routes, [&](const net::Route& route) {
          return route.dst == wanted.dst && route.oif == wanted.oif;
        }))
      attach::differs("route to " + wanted.dst.text() + " is missing on the host");
  }
}

}  // namespace

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  const cni::Ipam ipam(request);
  ipam.check();

  net::Netlink host;
  net::Netlink sandbox(*request.sandbox);
  const Plan plan = make_plan(conf, request, result);
  const net::Link container = attach::verify_veth(sandbox, cni::require_sandbox_interface(request));
  attach::verify(sandbox, container, plan.sandbox);
  const net::Link end = attach::verify_host_end(host, result, container);
  verify_host(host, plan, end);
  if (!plan.masquerade.empty())
    firewall::check_masquerade(attach::owner_of(request), plan.masquerade);
  if (conf.spoof_check)
    attach::verify_source_check(*request.sandbox, attach::owner_of(request),
                                attach::pod_link(end.name, plan.sandbox.ips));
}

}  // namespace ptp
