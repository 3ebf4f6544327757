// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/apply.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "libcni/base/failures.h"
#include "libcni/base/log.h"
#include "libcni/base/undo.h"
#include "libcni/net/conntrack.h"
#include "libcni/net/iptables.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "plugins/portmap/plan.h"

namespace portmap {
namespace {

constexpr int kFamilies[] = {AF_INET, AF_INET6};

/// Without this the kernel drops packets from 127.0.0.1 that leave by the container's link. The
/// link may not be there yet, or the address unreachable: then nothing from localhost could get
/// there anyway.
void let_localhost_in(const base::IpAddress& container) {
  net::Netlink netlink;
  const auto index = net::find_output_link(netlink, container);
  const auto link = index ? net::find_link(netlink, *index) : std::nullopt;
  if (link) net::ensure_sysctl("net/ipv4/conf/" + link->name + "/route_localnet", "1");
}

/// A flow that began before the ports changed would keep its old way for as long as it lasts.
void forget_flows(int family, const std::vector<std::uint16_t>& ports) {
  try {
    net::forget_udp_flows(family, ports);
  } catch (const std::system_error& error) {
    base::log(std::string("portmap: ") + error.what());
  }
}

std::vector<std::uint16_t> udp_ports_of(const net::HostPorts& family) {
  std::vector<std::uint16_t> ports;
  for (const net::HostPort& port : family.ports)
    if (port.protocol == IPPROTO_UDP) ports.push_back(port.host_port);
  return ports;
}

net::IptablesConditions conditions_of(const RemovalHints& hints) {
  return {hints.conditions_v4, hints.conditions_v6};
}

/// The ports that ADD opened, as far as configuration and prevResult still tell; they only save a
/// walk.
std::vector<net::HostPorts> known_ports(const cni::Request& request) noexcept {
  try {
    if (!request.prev_result) return {};
    return make_plan(parse_conf(request), *request.prev_result, request.ifname).nftables;
  } catch (const std::exception&) {
    return {};  // broken by now: DEL goes by owner
  }
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  const Plan plan = make_plan(conf, result, request.ifname);
  if (plan.empty()) return result;

  const net::Owner owner = owner_of(request);
  net::nft::Nft nft;
  base::Undo undo;
  if (!plan.iptables.empty()) {
    undo.add("close the host ports", [&] {
      net::remove_iptables_host_ports(nft, owner, plan.iptables.front().conditions);
    });
    net::add_iptables_host_ports(nft, owner, plan.iptables);
  }
  if (!plan.nftables.empty()) {
    net::add_host_ports(nft, owner, plan.nftables);
    undo.add("close the host ports", [&] { net::remove_host_ports(nft, owner); });
  }
  if (plan.reached_from_localhost) let_localhost_in(*plan.reached_from_localhost);
  undo.commit();

  for (const net::HostPorts& family : plan.nftables)
    forget_flows(family.container.address.family(), udp_ports_of(family));
  for (const net::IptablesHostPorts& family : plan.iptables)
    forget_flows(family.ports.container.address.family(), udp_ports_of(family.ports));
  return result;
}

void remove(const cni::Request& request) {
  const net::Owner owner = owner_of(request);
  const RemovalHints hints = parse_removal_hints(request);
  base::Failures failures;
  net::nft::Nft nft;
  net::RemovedHostPorts removed;
  bool had_iptables = false;
  failures.attempt([&] { removed = net::remove_host_ports(nft, owner, known_ports(request)); });
  failures.attempt(
      [&] { had_iptables = net::remove_iptables_host_ports(nft, owner, conditions_of(hints)); });
  if (had_iptables) std::ranges::copy(hints.udp_ports, std::back_inserter(removed.udp));
  for (const int family : kFamilies) forget_flows(family, removed.udp);
  if (removed.existed || had_iptables) net::nft::Nft::settle();
  failures.report();
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const Plan plan = make_plan(conf, cni::require_prev_result(request), request.ifname);
  const net::Owner owner = owner_of(request);
  net::nft::Nft nft;
  for (const net::HostPorts& family : plan.nftables)
    // What the reference set up before an upgrade serves as well.
    if (!net::has_iptables_host_ports(nft, owner, family.container.address.family()))
      net::check_host_ports(nft, owner, {&family, 1});
  for (const net::IptablesHostPorts& family : plan.iptables)
    if (!net::has_iptables_host_ports(nft, owner, family.ports.container.address.family()))
      throw cni::Error(cni::Code::internal,
                       "host ports of " + family.ports.container.address.text() + " are missing",
                       "chain " + net::iptables_chain("CNI-DN-", owner) +
                           " of iptables table nat, or what leads to it");
}

void collect_garbage(const cni::Request& request) {
  std::vector<net::Owner> valid;
  for (const cni::Attachment& attachment : request.valid_attachments)
    valid.push_back({request.network, attachment.container_id, attachment.ifname});
  base::Failures failures;
  net::nft::Nft nft;
  net::RemovedHostPorts removed;
  failures.attempt([&] { removed = net::gc_host_ports(nft, request.network, valid); });
  failures.attempt([&] { net::gc_iptables_host_ports(nft, request.network, valid); });
  for (const int family : kFamilies) forget_flows(family, removed.udp);
  failures.report();
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  try {
    if (conf.backend == Backend::iptables)
      net::require_iptables(AF_INET);
    else
      net::nft::Nft().generation();
  } catch (const std::system_error& error) {
    throw cni::Error(cni::Code::not_available, error.what());
  }
}

}  // namespace portmap
