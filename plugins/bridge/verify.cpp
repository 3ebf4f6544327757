// SPDX-License-Identifier: Apache-2.0
#include <linux/if.h>

#include <algorithm>

#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/firewall/mac_spoof.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/net/address.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/prev_result.h"
#include "plugins/bridge/apply.h"
#include "plugins/bridge/plan.h"

namespace bridge {
namespace {

bool mac_differs(const net::Link& link, const std::string& mac) {
  return !mac.empty() && link.mac != base::Mac::parse(mac);
}

net::Link verify_bridge(net::Netlink& host, const Conf& conf, const cni::Result& result) {
  const auto bridge = net::find_link(host, conf.bridge);
  if (!bridge) attach::differs("bridge \"" + conf.bridge + "\" is missing");
  if (bridge->kind != "bridge") attach::differs("link \"" + conf.bridge + "\" is not a bridge");
  if (!bridge->up) attach::differs("bridge \"" + conf.bridge + "\" is down");
  if (conf.promisc && !bridge->promisc)
    attach::differs("bridge \"" + conf.bridge + "\" is not in promiscuous mode");
  // A bridge without a gateway takes the lowest MAC address of its current ports.
  const bool pinned = conf.is_gateway && conf.vlan == 0;
  for (const cni::Interface& interface : result.interfaces)
    if (pinned && interface.name == conf.bridge && interface.sandbox.empty() &&
        mac_differs(*bridge, interface.mac))
      attach::differs("bridge \"" + conf.bridge +
                      "\" does not have the MAC address of prevResult, " + interface.mac);
  return *bridge;
}

/// The port: the veth of prevResult whose peer is the container's end.
net::Link verify_port(net::Netlink& host, const cni::Result& result, const net::Link& container,
                      const net::Link& bridge) {
  for (const cni::Interface& interface : result.interfaces) {
    if (!interface.sandbox.empty() || interface.name == bridge.name) continue;
    const auto link = net::find_link(host, interface.name);
    if (link && link->kind == "veth" && link->peer_index == container.index &&
        link->master == bridge.index) {
      attach::verify_mtu(*link, interface);
      return *link;
    }
  }
  attach::differs("CNI veth created for bridge " + bridge.name + " was not found");
}

/// Compares one flag of a port. "Off" is required only if the configuration has the key.
void verify_flag(const std::string& what, bool wanted, bool present, bool is_named) {
  if (present != wanted && (wanted || is_named))
    attach::differs(what + (present ? " is on, must be off" : " is off, must be on"));
}

void verify_port_flags(net::Netlink& host, const json::Object& config, net::PortFlags wanted,
                       const net::Link& port) {
  const net::PortFlags present = net::get_port_flags(host, port.index);
  const std::string of = " of bridge port " + port.name;
  verify_flag("hairpin mode" + of, wanted.hairpin, present.hairpin, config.has("hairpinMode"));
  verify_flag("isolation" + of, wanted.isolated, present.isolated, config.has("portIsolation"));
}

void verify_port_settings(net::Netlink& host, const LinkPlan& plan, const net::Link& port) {
  if (!port.up) attach::differs("bridge port " + port.name + " is down");
  if (!plan.sets_vlans) return;
  const auto vlans = net::list_port_vlans(host, port.index);
  for (const net::PortVlan& vlan : plan.vlans)
    if (std::ranges::find(vlans, vlan) == vlans.end())
      attach::differs("bridge port " + port.name + " is not in VLAN " + std::to_string(vlan.id));
}

void verify_gateways(net::Netlink& host, const AddressPlan& plan) {
  if (plan.gateways.empty()) return;
  const auto link = net::find_link(host, plan.gateway_link);
  if (!link) attach::differs("link \"" + plan.gateway_link + "\" is missing");
  const auto addresses = net::list_addresses(host, link->index);
  for (const base::Prefix& gateway : plan.gateways) {
    attach::verify_forwarding(gateway.address.family());
    if (std::ranges::find(addresses, gateway, &net::Address::prefix) == addresses.end())
      attach::differs("gateway address " + gateway.text() + " is missing on \"" +
                      plan.gateway_link + "\"");
  }
}

}  // namespace

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  const cni::Ipam ipam(request);
  if (ipam.configured()) ipam.check();

  net::Netlink host;
  net::Netlink sandbox(*request.sandbox);
  const LinkPlan links = make_link_plan(conf, request);
  const AddressPlan addresses = make_address_plan(conf, request, result);
  const net::Link bridge = verify_bridge(host, conf, result);
  const net::Link container = attach::verify_veth(sandbox, cni::require_sandbox_interface(request),
                                                  !conf.disable_container_interface);
  const net::Link port = verify_port(host, result, container, bridge);
  verify_port_flags(host, request.config, links.port, port);
  verify_port_settings(host, links, port);
  attach::verify(sandbox, container, addresses.sandbox);
  verify_gateways(host, addresses);
  const firewall::Owner owner = attach::owner_of(request);
  if (conf.mac_spoof_check) firewall::check_mac_spoof_check(owner, port.name, *container.mac);
  if (!addresses.masquerade.empty()) firewall::check_masquerade(owner, addresses.masquerade);
  if (conf.spoof_check)
    attach::verify_source_check(*request.sandbox, owner,
                                attach::pod_link(port.name, addresses.sandbox.ips, container.mac));
}

namespace {

/// A missing bridge is fine before the first ADD, which makes it. If host ends of containers exist,
/// these containers have lost their network.
void require_no_orphans(net::Netlink& host, const cni::Request& request, const Conf& conf) {
  const std::string prefix = attach::alias_prefix(request.network);
  const auto links = net::list_links(host);
  if (std::ranges::any_of(links,
                          [&](const net::Link& link) { return link.alias.starts_with(prefix); }))
    throw cni::Error(cni::Code::limited_connectivity,
                     "bridge \"" + conf.bridge + "\" is missing, though containers are attached",
                     "recreate the containers of network \"" + request.network + "\"");
}

}  // namespace

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Ipam ipam(request);
  if (ipam.configured()) ipam.status();
  if (conf.spoof_check) attach::require_source_checks();
  net::Netlink host;
  const auto bridge = net::find_link(host, conf.bridge);
  if (!bridge) return require_no_orphans(host, request, conf);
  if (bridge->kind != "bridge")
    throw cni::Error(cni::Code::not_available,
                     "\"" + conf.bridge + "\" already exists but is not a bridge", "key bridge");
  if (!bridge->up)
    throw cni::Error(cni::Code::limited_connectivity, "bridge \"" + conf.bridge + "\" is down",
                     "set it up: ip link set " + conf.bridge + " up");
  if (const std::size_t ports = net::count_ports(host, bridge->index); ports >= net::kMaxPorts)
    throw cni::Error(cni::Code::not_available,
                     "bridge \"" + conf.bridge + "\" has " + std::to_string(ports) +
                         " ports, the kernel's limit",
                     "put pods on another bridge or node");
}

}  // namespace bridge
