// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/plan.h"

#include <algorithm>
#include <set>

#include "libcni/attach/owner.h"

namespace bridge {
namespace {

const base::Prefix& default_route(bool v4) {
  static const base::Prefix kV4 = *base::Prefix::parse("0.0.0.0/0");
  static const base::Prefix kV6 = *base::Prefix::parse("::/0");
  return v4 ? kV4 : kV6;
}

bool has_default_with_gateway(const cni::Result& result, bool v4) {
  return std::ranges::any_of(result.routes, [&](const cni::Route& route) {
    return route.dst == default_route(v4) && route.gateway;
  });
}

/// VLANs of the port: the access VLAN untagged, the VLANs of the trunk tagged. A trunk without an
/// access VLAN keeps untagged traffic in VLAN 1.
std::vector<net::PortVlan> port_vlans(const Conf& conf) {
  std::vector<net::PortVlan> vlans;
  for (const std::uint16_t id : conf.trunk) vlans.push_back({.id = id});
  const std::uint16_t access = conf.vlan != 0 ? conf.vlan : conf.trunk.empty() ? 0 : 1;
  if (access != 0) {
    std::erase_if(vlans, [&](const auto& vlan) { return vlan.id == access; });
    vlans.push_back({.id = access, .pvid = true, .untagged = true});
  }
  return vlans;
}

}  // namespace

LinkPlan make_link_plan(const Conf& conf, const cni::Request& request) {
  LinkPlan plan;
  plan.bridge = {conf.bridge, conf.mtu, conf.vlan != 0 || conf.has_trunk};
  plan.promisc = conf.promisc;
  plan.veth = {.ifname = request.ifname,
               .mtu = conf.mtu,
               .mac = conf.mac,
               .alias = attach::alias_of(attach::owner_of(request))};
  plan.port = {.hairpin = conf.hairpin, .isolated = conf.port_isolation};
  plan.vlans = port_vlans(conf);
  plan.sets_vlans = !plan.vlans.empty();
  plan.keeps_default_vlan = conf.preserve_default_vlan;
  return plan;
}

cni::Result complete_result(const Conf& conf, cni::Result ipam) {
  std::set<bool> families_with_default;
  for (cni::IpConfig& ip : ipam.ips) {
    ip.interface = kContainerInterface;
    if (!ip.gateway && conf.is_gateway) ip.gateway = ip.address.network().address.plus(1);
  }
  attach::name_default_gateways(ipam);
  for (const cni::IpConfig& ip : ipam.ips) {
    const bool v4 = ip.address.address.is_v4();
    if (!conf.is_default_gateway || !families_with_default.insert(v4).second) continue;
    if (!has_default_with_gateway(ipam, v4))
      ipam.routes.push_back({.dst = default_route(v4), .gateway = ip.gateway});
  }
  if (conf.dns) ipam.dns = *conf.dns;
  return ipam;
}

AddressPlan make_address_plan(const Conf& conf, const cni::Request& request,
                              const cni::Result& result) {
  AddressPlan plan;
  plan.sandbox = {.ifname = request.ifname,
                  .ips = {},
                  .routes = result.routes,
                  .dad = conf.enable_dad,
                  .arp_notify = true,
                  .accept_ra = conf.accept_ra};
  plan.force_address = conf.force_address;
  plan.other_ranges = conf.other_ranges;
  plan.gateway_link = conf.vlan == 0 ? conf.bridge : conf.bridge + "." + std::to_string(conf.vlan);
  for (const cni::IpConfig& ip : result.ips) {
    if (ip.interface != kContainerInterface) continue;
    plan.sandbox.ips.push_back(ip);
    if (conf.is_gateway && ip.gateway) {
      const base::Prefix gateway{*ip.gateway, ip.address.length};
      if (std::ranges::find(plan.gateways, gateway) == plan.gateways.end())
        plan.gateways.push_back(gateway);
    }
    if (conf.ip_masq) plan.masquerade.push_back(ip.address);
  }
  std::stable_partition(plan.gateways.begin(), plan.gateways.end(),
                        [](const auto& g) { return g.address.is_v4(); });
  return plan;
}

}  // namespace bridge
