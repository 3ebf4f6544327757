// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/apply.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <set>
#include <span>

#include "libcni/attach/gc.h"
#include "libcni/attach/owner.h"
#include "libcni/base/failures.h"
#include "libcni/base/log.h"
#include "libcni/base/undo.h"
#include "libcni/firewall/conntrack.h"
#include "libcni/firewall/iptables.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"
#include "libcni/net/sysctl.h"
#include "plugins/portmap/holder.h"
#include "plugins/portmap/plan.h"

namespace portmap {
namespace {

constexpr int kFamilies[] = {AF_INET, AF_INET6};

/// Without this the kernel drops packets from 127.0.0.1 that leave by the container's link. If the
/// link does not exist yet or the address is unreachable, nothing is done: packets from localhost
/// could not reach it anyway.
void let_localhost_in(const base::IpAddress& container) {
  net::Netlink netlink;
  const auto index = net::find_output_link(netlink, container);
  const auto link = index ? net::find_link(netlink, *index) : std::nullopt;
  if (link) net::ensure_conf(link->name, "route_localnet", "1");
}

/// A flow that began before the ports changed would keep its old destination as long as it lasts.
void forget_flows(int family, const std::vector<std::uint16_t>& ports) {
  try {
    firewall::forget_udp_flows(family, ports);
  } catch (const std::system_error& error) {
    base::log(std::string("portmap: ") + error.what());
  }
}

constexpr const char* kMissingChainAdvice =
    "kube-proxy in iptables mode makes KUBE-MARK-MASQ: start the program that makes the chain, or "
    "remove "
    "the key externalSetMarkChain, so that portmap marks packets itself";

std::string missing_chain(const std::string& chain, int family) {
  return "chain \"" + chain + "\" of externalSetMarkChain does not exist in table nat of " +
         (family == AF_INET ? "iptables" : "ip6tables");
}

std::vector<std::uint16_t> udp_ports_of(const firewall::HostPorts& family) {
  std::vector<std::uint16_t> ports;
  for (const firewall::HostPort& port : family.ports)
    if (port.protocol == IPPROTO_UDP) ports.push_back(port.host_port);
  return ports;
}

/// The ports that ADD opened, as far as configuration and prevResult still show them; knowing them
/// only saves a walk.
std::vector<firewall::HostPorts> known_ports(const cni::Request& request) noexcept {
  try {
    if (!request.prev_result) return {};
    return make_plan(parse_conf(request), *request.prev_result, request.ifname).nftables;
  } catch (const std::exception&) {
    return {};  // broken by now: DEL finds the rules by their owner
  }
}

/// The chain that marks packets belongs to another program, which may not have made it yet.
void require_set_mark_chains(nft::Nft& nft, const Plan& plan) {
  for (const firewall::IptablesHostPorts& family : plan.iptables) {
    const int address_family = family.ports.container.address.family();
    if (family.set_mark_chain.empty() ||
        family.ports.masquerade == firewall::HostPortMasquerade::none ||
        firewall::has_nat_chain(nft, address_family, family.set_mark_chain))
      continue;
    throw cni::Error(cni::Code::try_again_later,
                     missing_chain(family.set_mark_chain, address_family), kMissingChainAdvice);
  }
}

std::set<base::IpAddress> addresses_of(const Plan& plan) {
  std::set<base::IpAddress> addresses;
  for (const firewall::HostPorts& family : plan.nftables)
    addresses.insert(family.container.address);
  for (const firewall::IptablesHostPorts& family : plan.iptables)
    addresses.insert(family.ports.container.address);
  return addresses;
}

/// Dead holders do not stop an ADD, which replaces them; but they pile up under runtimes that never
/// call GC.
void tell_dead_holders(nft::Nft& nft) {
  Holders holders;
  for (const firewall::HostPortHold& hold : firewall::list_host_ports(nft))
    if (holders.is_dead(hold))
      base::log("portmap: host port " + firewall::describe(hold.port) + " is held by " +
                hold.holder + ", which is dead: no link of this host has its address " +
                hold.container.text() +
                "; the next ADD that asks for the port, or a GC, removes it");
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Result& result = cni::require_prev_result(request);
  const Plan plan = make_plan(conf, result, request.ifname);
  if (plan.empty()) return result;

  const firewall::Owner owner = attach::owner_of(request);
  nft::Nft nft;
  base::Undo undo;
  Holders holders(addresses_of(plan));
  const auto is_dead = [&](const firewall::HostPortHold& hold) { return holders.is_dead(hold); };
  require_set_mark_chains(nft, plan);
  if (!plan.iptables.empty()) {
    firewall::add_iptables_host_ports(nft, owner, plan.iptables, is_dead);
    undo.add("close the host ports", [&] { firewall::remove_iptables_host_ports(nft, owner); });
  }
  if (!plan.nftables.empty()) {
    firewall::add_host_ports(nft, owner, plan.nftables, is_dead);
    undo.add("close the host ports", [&] { firewall::remove_host_ports(nft, owner); });
  }
  if (plan.reached_from_localhost) let_localhost_in(*plan.reached_from_localhost);
  undo.commit();

  for (const firewall::HostPorts& family : plan.nftables)
    forget_flows(family.container.address.family(), udp_ports_of(family));
  for (const firewall::IptablesHostPorts& family : plan.iptables)
    forget_flows(family.ports.container.address.family(), udp_ports_of(family.ports));
  return result;
}

void remove(const cni::Request& request) {
  const firewall::Owner owner = attach::owner_of(request);
  base::Failures failures;
  nft::Nft nft;
  firewall::RemovedHostPorts removed;
  bool had_iptables = false;
  failures.attempt(
      [&] { removed = firewall::remove_host_ports(nft, owner, known_ports(request)); });
  failures.attempt([&] { had_iptables = firewall::remove_iptables_host_ports(nft, owner); });
  if (had_iptables) std::ranges::copy(known_udp_ports(request), std::back_inserter(removed.udp));
  for (const int family : kFamilies) forget_flows(family, removed.udp);
  if (removed.existed || had_iptables) nft::Nft::settle();
  failures.report();
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const Plan plan = make_plan(conf, cni::require_prev_result(request), request.ifname);
  const firewall::Owner owner = attach::owner_of(request);
  nft::Nft nft;
  for (const firewall::HostPorts& family : plan.nftables)
    // Rules of the reference from before an upgrade are accepted as well.
    if (firewall::find_missing_iptables_host_port(nft, owner, family))
      firewall::check_host_ports(nft, owner, {&family, 1});
  for (const firewall::IptablesHostPorts& family : plan.iptables)
    if (const auto port = firewall::find_missing_iptables_host_port(nft, owner, family.ports))
      throw cni::Error(cni::Code::internal,
                       "host port " + firewall::describe(*port) + " does not lead to " +
                           family.ports.container.address.text() + " port " +
                           std::to_string(port->container_port),
                       "a rule of chain " + firewall::iptables_chain("CNI-DN-", owner) +
                           " of iptables table nat, or a jump to it, is missing");
}

void collect_garbage(const cni::Request& request) {
  const auto valid = attach::owners_of(request.network, request.valid_attachments);
  base::Failures failures;
  nft::Nft nft;
  firewall::RemovedHostPorts removed;
  const auto find = [&](const std::string& network, std::span<const firewall::Owner> spared) {
    base::Failures unread;
    std::function<firewall::RemovedHostPorts()> remove_ports = [] {
      return firewall::RemovedHostPorts{};
    };
    std::function<void()> remove_chains = [] {};
    unread.attempt([&] { remove_ports = firewall::find_stale_host_ports(nft, network, spared); });
    unread.attempt(
        [&] { remove_chains = firewall::find_stale_iptables_host_ports(nft, network, spared); });
    return std::function<void()>([&failures, &removed, unread, remove_ports, remove_chains] {
      failures.attempt([&] { unread.report(); });
      failures.attempt([&] { removed = remove_ports(); });
      failures.attempt(remove_chains);
    });
  };
  std::function<void()> remove = [] {};
  failures.attempt(
      [&] { remove = attach::find_stale(request.network, valid, request.began, find); });
  remove();
  for (const int family : kFamilies) forget_flows(family, removed.udp);
  failures.report();
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  nft::Nft nft;
  try {
    if (conf.backend == Backend::iptables)
      firewall::require_iptables(AF_INET);
    else
      nft.generation();
  } catch (const std::system_error& error) {
    throw cni::Error(cni::Code::not_available, error.what());
  }
  if (!conf.set_mark_chain.empty() && conf.snat && std::ranges::none_of(kFamilies, [&](int family) {
        return firewall::has_nat_chain(nft, family, conf.set_mark_chain);
      }))
    throw cni::Error(cni::Code::not_available, missing_chain(conf.set_mark_chain, AF_INET),
                     kMissingChainAdvice);
  tell_dead_holders(nft);
}

}  // namespace portmap
