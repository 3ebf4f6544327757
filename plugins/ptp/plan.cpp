// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/plan.h"

#include "libcni/attach/masquerade.h"
#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/plugin/conf.h"

namespace ptp {

Conf parse_conf(const cni::Request& request) {
  const json::Object& config = request.config;
  return {.ip_masq = config.get_bool("ipMasq"),
          .masq_backend = attach::parse_masquerade_backend(config.get_string("ipMasqBackend")),
          .mtu = cni::find_mtu(config),
          .accept_ra = config.get_bool("acceptRa"),
          .spoof_check = attach::parse_spoof_check(config, false),
          .dns = cni::find_dns(config)};
}

cni::Result complete_result(const Conf& conf, cni::Result ipam) {
  for (cni::IpConfig& ip : ipam.ips) {
    if (!ip.gateway)
      throw cni::Error(cni::Code::invalid_config,
                       "IPAM gave no gateway for " + ip.address.text() + ", which ptp needs",
                       "configure a gateway in ipam");
    ip.interface = kContainerInterface;
  }
  attach::name_default_gateways(ipam);
  if (conf.dns) ipam.dns = *conf.dns;
  return ipam;
}

Plan make_plan(const Conf& conf, const cni::Request& request, const cni::Result& result) {
  Plan plan;
  plan.veth = {.ifname = request.ifname,
               .mtu = conf.mtu,
               .alias = attach::alias_of(attach::owner_of(request))};
  // Duplicate address detection is not needed: the wire has two ends, and the other end is this
  // host.
  plan.sandbox = {
      .ifname = request.ifname, .ips = {}, .routes = result.routes, .accept_ra = conf.accept_ra};
  for (const cni::IpConfig& ip : result.ips) {
    if (ip.interface != kContainerInterface) continue;
    plan.sandbox.ips.push_back(ip);
    if (ip.gateway) plan.legs.push_back({ip.address, *ip.gateway});
    if (conf.ip_masq) plan.masquerade.push_back(ip.address);
  }
  return plan;
}

std::vector<net::Route> sandbox_routes(const Leg& leg, int oif) {
  return {{.dst = base::host_prefix(leg.gateway),
           .source = leg.address.address,
           .oif = oif,
           .scope = net::kScopeLink},
          {.dst = leg.address.network(),
           .gateway = leg.gateway,
           .source = leg.address.address,
           .oif = oif}};
}

net::Route connected_route(const Leg& leg, int oif) {
  return {.dst = leg.address.network(), .oif = oif, .protocol = net::kProtocolKernel};
}

net::Route host_route(const Leg& leg, int oif) {
  return {.dst = base::host_prefix(leg.address.address), .oif = oif, .scope = net::kScopeHost};
}

}  // namespace ptp
