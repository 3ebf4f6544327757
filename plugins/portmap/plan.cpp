// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/plan.h"

#include <algorithm>

#include "plugins/portmap/conditions.h"

namespace portmap {
namespace {

/// An address without an interface, or with one outside the list, counts as the container's.
bool is_containers(const cni::IpConfig& ip, const cni::Result& result, const std::string& ifname) {
  const auto count = static_cast<int>(result.interfaces.size());
  if (!ip.interface || *ip.interface < 0 || *ip.interface >= count) return true;
  const cni::Interface& interface = result.interfaces[static_cast<std::size_t>(*ip.interface)];
  return interface.name == ifname && !interface.sandbox.empty();
}

/// The mappings that concern `family`; "any address" needs no match on it.
std::vector<firewall::HostPort> mappings_for(const std::vector<firewall::HostPort>& mappings,
                                             int family) {
  std::vector<firewall::HostPort> ports;
  for (firewall::HostPort port : mappings) {
    if (port.host_ip && port.host_ip->family() != family) continue;
    if (port.host_ip && port.host_ip->is_unspecified()) port.host_ip.reset();
    if (std::ranges::find(ports, port) == ports.end()) ports.push_back(port);
  }
  return ports;
}

firewall::HostPortMasquerade masquerade_of(const Conf& conf) {
  if (!conf.snat) return firewall::HostPortMasquerade::none;
  return conf.masq_all ? firewall::HostPortMasquerade::all : firewall::HostPortMasquerade::local;
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

std::vector<base::Prefix> container_addresses(const cni::Result& result,
                                              const std::string& ifname) {
  std::vector<base::Prefix> addresses;
  for (const bool v4 : {true, false}) {
    const auto found = std::ranges::find_if(result.ips, [&](const cni::IpConfig& ip) {
      return ip.address.address.is_v4() == v4 && is_containers(ip, result, ifname);
    });
    if (found != result.ips.end()) addresses.push_back(found->address);
  }
  return addresses;
}

Plan make_plan(const Conf& conf, const cni::Result& result, const std::string& ifname) {
  Plan plan;
  if (conf.mappings.empty()) return plan;
  for (const base::Prefix& container : container_addresses(result, ifname)) {
    const bool v4 = container.address.is_v4();
    firewall::HostPorts ports{.container = container,
                              .ports = mappings_for(conf.mappings, container.address.family()),
                              .masquerade = masquerade_of(conf)};
    if (v4 && conf.snat) plan.reached_from_localhost = container.address;
    if (conf.backend == Backend::iptables) {
      plan.iptables.push_back({.ports = std::move(ports),
                               .listed = conf.mappings,
                               .mark_bit = conf.mark_bit,
                               .set_mark_chain = conf.set_mark_chain,
                               .conditions = {join(conf.conditions_v4), join(conf.conditions_v6)}});
      continue;
    }
    if (ports.ports.empty()) continue;
    ports.conditions = v4 ? parse_conditions(conf.conditions_v4, "conditionsV4")
                          : parse_conditions(conf.conditions_v6, "conditionsV6");
    plan.nftables.push_back(std::move(ports));
  }
  return plan;
}

}  // namespace portmap
