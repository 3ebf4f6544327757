// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/gateway.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "libcni/base/mac.h"
#include "libcni/base/names.h"
#include "libcni/net/address.h"
#include "libcni/net/bridge_port.h"
#include "libcni/net/sysctl.h"

namespace bridge {
namespace {

/// Removes a bridge that this call made, unless another attachment has a port on it by now.
void remove_unused_bridge(net::Netlink& host, const std::string& name) {
  const auto bridge = net::find_link(host, name);
  if (!bridge) return;
  const auto links = net::list_links(host);
  if (std::ranges::find(links, bridge->index, &net::Link::master) == links.end())
    net::remove_link(host, bridge->index);
}

/// Pins the bridge's MAC address; otherwise the bridge would take the lowest one of its ports.
void pin_mac(net::Netlink& host, const net::Link& link) {
  // A bridge has MAC address zero after its last port has been removed (kernel:
  // br_stp_recalculate).
  const bool usable = link.mac && !link.mac->is_zero();
  net::set_mac(host, link.index, usable ? *link.mac : base::random_mac());
}

/// IPv6 link-local addresses, one of which the kernel makes, conflict with no other address.
bool conflicts(const base::Prefix& present, const base::Prefix& wanted) {
  if (!present.address.is_v4() && present.address.is_link_local_unicast()) return false;
  if (present.address.is_v4() != wanted.address.is_v4()) return false;
  return present.address.is_v4() || present.contains(wanted.address) ||
         wanted.contains(present.address);
}

/// Removes a gateway address again, unless other pods than the failed one need it by now.
void remove_unused_gateway(net::Netlink& host, int index, const base::Prefix& address) {
  const auto links = net::list_links(host);
  if (std::ranges::count(links, index, &net::Link::master) <= 1)
    net::remove_address(host, index, address);
}

net::Link add_vlan_link(net::Netlink& host, const net::Link& bridge, const std::string& name) {
  if (!base::ifname_problem(name).empty())
    throw cni::Error(cni::Code::invalid_config,
                     "the gateway link would be named \"" + name + "\", more than 15 bytes",
                     "choose a shorter bridge name");
  try {
    net::add_veth(
        host, base::Netns::current(),
        {.host_name = base::random_veth_name(), .sandbox_name = name, .master = bridge.index});
  } catch (const std::system_error& e) {
    if (e.code().value() != EEXIST) throw;  // a parallel ADD was faster
  }
  return net::get_link(host, name);
}

/// Makes room for `gateway` on `link`.
void remove_conflicting(net::Netlink& host, const net::Link& link, const AddressPlan& plan,
                        const base::Prefix& gateway) {
  for (const net::Address& other : net::list_addresses(host, link.index)) {
    const bool wanted =
        std::ranges::find(plan.gateways, other.prefix) != plan.gateways.end() ||
        std::ranges::find(plan.other_ranges, other.prefix.network()) != plan.other_ranges.end();
    if (wanted || !conflicts(other.prefix, gateway)) continue;
    if (!plan.force_address)
      throw cni::Error(cni::Code::internal,
                       "failed to set bridge addr: \"" + link.name +
                           "\" already has an IP address different from " + gateway.text(),
                       "it has " + other.prefix.text() + "; forceAddress would replace it");
    net::remove_address(host, link.index, other.prefix);
  }
}

}  // namespace

net::Link ensure_bridge(net::Netlink& host, const LinkPlan& plan, base::Undo& undo) {
  const std::string& name = plan.bridge.name;
  auto link = net::find_link(host, name);
  if (!link) {
    // Registered before the step: the kernel may carry it out although its answer is lost.
    const auto is_ours = std::make_shared<bool>(true);
    undo.add("delete bridge \"" + name + "\"", [&host, name, is_ours] {
      if (*is_ours) remove_unused_bridge(host, name);
    });
    *is_ours = net::add_bridge(host, plan.bridge);  // false: a parallel ADD, or an operator, did
    // Done before the bridge is up, when the kernel makes its link-local address from a random MAC
    // address: while that address is tentative, for 2 s, the host cannot forward IPv6 to any pod.
    net::try_write_sysctl("net/ipv6/conf/" + name + "/accept_dad", "0");
    link = net::get_link(host, name);
  }
  if (link->kind != "bridge")
    throw cni::Error(cni::Code::invalid_config,
                     "failed to create bridge \"" + name + "\": \"" + name +
                         "\" already exists but is not a bridge",
                     "name another one with the key bridge");
  if (plan.promisc && !link->promisc) net::set_promisc(host, link->index);
  net::try_write_sysctl("net/ipv6/conf/" + name + "/accept_ra", "0");
  if (!link->up) net::set_up(host, link->index);
  return *link;
}

net::Link ensure_vlan_link(net::Netlink& host, const net::Link& bridge, const Conf& conf) {
  const std::string name = bridge.name + "." + std::to_string(conf.vlan);
  auto link = net::find_link(host, name);
  if (!link) link = add_vlan_link(host, bridge, name);
  // Setting it up comes last: a bridge that is down may be half made, by a killed or a parallel
  // ADD, and is completed here.
  if (link->up || link->kind != "veth") return *link;
  const int port = link->peer_index;
  net::add_port_vlan(host, port, {.id = conf.vlan, .pvid = true, .untagged = true});
  if (!conf.preserve_default_vlan)
    for (const net::PortVlan& vlan : net::list_port_vlans(host, port))
      if (vlan.id != conf.vlan) net::remove_port_vlan(host, port, vlan.id);
  net::set_up(host, link->index);
  return net::get_link(host, name);
}

void ensure_gateways(net::Netlink& host, const net::Link& link, const AddressPlan& plan,
                     base::Undo& undo) {
  const auto present = net::list_addresses(host, link.index);
  bool pinned = false;
  for (const base::Prefix& gateway : plan.gateways) {
    if (std::ranges::find(present, gateway, &net::Address::prefix) != present.end()) continue;
    remove_conflicting(host, link, plan, gateway);
    // Added without duplicate address detection: no host on the bridge can have it. False: a
    // parallel ADD was faster.
    const bool added = net::ensure_address(host, link.index, gateway);
    // A VLAN's gateway link does not show which pods use it: the link and its addresses stay.
    if (added && link.kind == "bridge")
      undo.add("remove gateway " + gateway.text(), [&host, index = link.index, gateway] {
        remove_unused_gateway(host, index, gateway);
      });
    if (!pinned) pin_mac(host, link);
    pinned = true;
  }
  for (const base::Prefix& gateway : plan.gateways)
    net::enable_forwarding(host, gateway.address.family());
}

}  // namespace bridge
