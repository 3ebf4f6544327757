// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/apply.h"

#include <linux/if.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "libcni/attach/owner.h"
#include "libcni/attach/rules.h"
#include "libcni/base/gone.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/mac_spoof.h"
#include "libcni/plugin/delegate.h"
#include "plugins/bridge/gateway.h"
#include "plugins/bridge/plan.h"

namespace bridge {
namespace {

/// The host end comes up by an event of the kernel's work queue; the reference waits as long.
constexpr int kPortUpMilliseconds = 2550;

/// The sockets of one ADD and its undo steps.
struct Session {
  const cni::Request& request;
  const Conf& conf;
  net::Netlink host;
  net::Netlink sandbox;
  base::Undo undo;
};

struct Port {
  net::Link bridge;
  attach::VethPair veth;
};

[[noreturn]] void refuse_full_bridge(net::Netlink& host, const std::string& name) {
  const auto bridge = net::find_link(host, name);
  throw cni::Error(cni::Code::internal,
                   "bridge \"" + name + "\" has " +
                       std::to_string(bridge ? net::count_ports(host, bridge->index) : 0) +
                       " ports, the kernel's limit",
                   "put pods on another bridge or node");
}

/// Makes the bridge and the pair. The bridge can vanish in between, when the ADD that made it fails
/// and removes it again.
Port add_port(Session& session, LinkPlan plan) {
  constexpr int kTries = 3;
  for (int i = 1;; ++i) try {
      Port port{.bridge = ensure_bridge(session.host, plan, session.undo), .veth = {}};
      plan.veth.master = port.bridge.index;
      port.veth =
          attach::add_veth_pair(session.host, *session.request.sandbox, session.sandbox, plan.veth);
      session.undo.add(
          "delete link \"" + port.veth.host.name + "\"",
          [&session, index = port.veth.host.index] { net::remove_link(session.host, index); });
      return port;
    } catch (const std::system_error& e) {
      if (e.code().value() == EXFULL) refuse_full_bridge(session.host, plan.bridge.name);
      if (!base::is_gone(e.code().value(), base::Object::link) || i == kTries) throw;
    }
}

void configure_port(Session& session, const LinkPlan& plan, const Port& port) {
  const int index = port.veth.host.index;
  // A new port has neither flag, so the default needs no write.
  if (plan.port != net::PortFlags{}) net::set_port_flags(session.host, index, plan.port);
  if (plan.sets_vlans && !plan.keeps_default_vlan)
    for (const net::PortVlan& vlan : net::list_port_vlans(session.host, index))
      net::remove_port_vlan(session.host, index, vlan.id);
  for (const net::PortVlan& vlan : plan.vlans) net::add_port_vlan(session.host, index, vlan);
  if (!session.conf.mac_spoof_check) return;
  const firewall::Owner owner = attach::owner_of(session.request);
  session.undo.add("remove the MAC spoof check",
                   [owner] { firewall::remove_mac_spoof_check(owner); });
  firewall::add_mac_spoof_check(owner, port.veth.host.name, *port.veth.container.mac);
}

void add_rules(Session& session, const AddressPlan& plan, const attach::VethPair& pair) {
  firewall::AttachmentRules rules{.masquerade = plan.masquerade,
                                  .backend = session.conf.masq_backend};
  if (session.conf.spoof_check)
    rules.source_check = attach::pod_link(pair.host.name, plan.sandbox.ips, pair.container.mac);
  attach::add_rules(session.undo, attach::owner_of(session.request), std::move(rules));
}

void apply_gateways(Session& session, const AddressPlan& plan, const Port& port) {
  if (plan.gateways.empty()) return;
  const net::Link link = session.conf.vlan == 0
                             ? port.bridge
                             : ensure_vlan_link(session.host, port.bridge, session.conf);
  ensure_gateways(session.host, link, plan, session.undo);
  for (const base::Prefix& gateway : plan.gateways)
    attach::wait_usable(session.host, link.index, gateway.address);
}

void wait_for_port(Session& session, const Port& port) {
  const int state = net::wait_oper_up(session.host, port.veth.host.index, kPortUpMilliseconds);
  if (state != IF_OPER_UP)
    throw cni::Error(cni::Code::internal,
                     "bridge port in error state: " + net::operstate_name(state),
                     "link " + port.veth.host.name);
}

/// Lists the interfaces in the order that firewall and bandwidth rely on. The bridge is read again:
/// without a pinned MAC address it may have taken that of the new port.
std::vector<cni::Interface> describe_interfaces(Session& session, const AddressPlan& plan,
                                                const Port& port) {
  std::vector<cni::Interface> interfaces{
      attach::describe(net::get_link(session.host, port.bridge.name), ""),
      attach::describe(port.veth.host, ""),
      attach::describe(port.veth.container, session.request.netns)};
  if (session.conf.vlan != 0 && !plan.gateways.empty())
    interfaces.push_back(attach::describe(net::get_link(session.host, plan.gateway_link), ""));
  return interfaces;
}

/// Returns whether the attachment still exists. If it does not, its leftovers are removed as by
/// DEL: its rules would apply to the next pod that gets the address.
bool lives(net::Netlink& host, const cni::Request& request) {
  if (attach::has_host_end(host, attach::owner_of(request))) return true;
  remove(request);
  return false;
}

cni::Result get_addresses(Session& session, const cni::Ipam& ipam) {
  cni::Result result;
  if (ipam.configured()) {
    result = ipam.add([&] { return lives(session.host, session.request); });
    session.undo.add("release the address", [&ipam] { ipam.del(); });
  }
  return complete_result(session.conf, std::move(result));
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Ipam ipam(request);  // an undo step of the session needs it
  Session session{request, conf, net::Netlink(), net::Netlink(*request.sandbox), {}};
  attach::require_free_name(session.sandbox, request.ifname);

  cni::Result result;
  const bool links_first = cni::ipam_uses_link(request);
  if (!links_first) result = get_addresses(session, ipam);
  const LinkPlan links = make_link_plan(conf, request);
  AddressPlan addresses = make_address_plan(conf, request, result);
  const Port port = add_port(session, links);
  configure_port(session, links, port);
  if (links_first) {
    result = get_addresses(session, ipam);
    addresses = make_address_plan(conf, request, result);
  }
  if (!conf.disable_container_interface) {
    add_rules(session, addresses, port.veth);
    attach::configure(*request.sandbox, session.sandbox, port.veth.container, addresses.sandbox);
    apply_gateways(session, addresses, port);
    wait_for_port(session, port);
    attach::wait_usable(*request.sandbox, session.sandbox, port.veth.container.index,
                        addresses.sandbox);
  }
  result.interfaces = describe_interfaces(session, addresses, port);
  session.undo.commit();
  return result;
}

}  // namespace bridge
