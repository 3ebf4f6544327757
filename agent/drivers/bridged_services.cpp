// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bridged_services.h"

#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "agent/loop/log.h"
#include "libcni/json/object.h"
#include "libcni/net/address.h"
#include "libcni/net/bridge_filter.h"

namespace agent {
namespace {

/// The chain of kube-proxy's modes iptables and ipvs; the mode nftables has a table of its own.
constexpr const char* kChain = "KUBE-SERVICES";
constexpr const char* kTable = "kube-proxy";
constexpr std::array kFamilies{AF_INET, AF_INET6};

/// The key in the form of sysctl(8).
std::string sysctl_of(int family) {
  std::string name = net::bridge_filter_key(family);
  std::ranges::replace(name, '/', '.');
  return name;
}

std::string packets_of(const BlindBridge& bridge) {
  return "bridge " + json::quote(bridge.name) + " of this node's pods: its IPv" +
         (bridge.family == AF_INET ? "4" : "6") + " packets";
}

/// The links with an address of `family` inside `ranges`.
std::set<int> links_with_gateways(std::span<const net::Address> addresses,
                                  std::span<const base::Prefix> ranges, int family) {
  std::set<int> links;
  for (const net::Address& each : addresses)
    if (each.prefix.address.family() == family && base::any_contains(ranges, each.prefix.address))
      links.insert(each.index);
  return links;
}

}  // namespace

bool KubeProxy::has_legacy_rules(int family) {
  Legacy& known = legacy_[family == AF_INET ? 0 : 1];
  const auto size = firewall::find_legacy_nat_size(family);
  if (size == known.size) return known.has_rules;
  known.size.reset();
  const std::vector<firewall::NatChain> chains =
      size ? firewall::read_legacy_nat(family) : std::vector<firewall::NatChain>{};
  known.has_rules = std::ranges::find(chains, kChain, &firewall::NatChain::name) != chains.end();
  known.size = size;
  return known.has_rules;
}

bool KubeProxy::has_rules(int family) {
  if (!nft_) nft_.emplace();
  using nft::Family;
  const Family in = family == AF_INET ? Family::ipv4 : Family::ipv6;
  return nft_->has_table({in, kTable}) || nft_->has_chain(firewall::nat_table(family), kChain) ||
         has_legacy_rules(family);
}

std::string text_of(const BlindBridge& bridge) {
  const std::string sysctl = sysctl_of(bridge.family);
  const std::string fails =
      " do not pass kube-proxy's rules, so a pod does not reach a Service whose endpoint is on the "
      "same node: ";
  if (!bridge.is_loaded)
    return packets_of(bridge) + fails + "sysctl " + sysctl +
           " is missing, because the kernel's module br_netfilter is not loaded; run modprobe "
           "br_netfilter, and list it in /etc/modules-load.d";
  return packets_of(bridge) + fails + "sysctl " + sysctl +
         " and the bridge's own setting are 0; plumbd turns the bridge's own setting on while it "
         "runs";
}

std::vector<BlindBridge> find_blind_bridges(net::Netlink& netlink, KubeProxy& kube_proxy,
                                            std::span<const base::Prefix> ranges) {
  std::vector<BlindBridge> blind;
  if (ranges.empty()) return blind;
  const std::vector<net::BridgeFilter> bridges = net::list_bridge_filters(netlink);
  if (bridges.empty()) return blind;
  const std::vector<net::Address> addresses = net::list_addresses(netlink);
  for (const int family : kFamilies) {
    const std::set<int> gateways = links_with_gateways(addresses, ranges, family);
    if (std::ranges::none_of(bridges,
                             [&](const auto& each) { return gateways.contains(each.index); }))
      continue;
    const auto of_all = net::find_bridge_filter_of_all(family);
    if (of_all == true) continue;
    std::vector<BlindBridge> suspects;
    for (const net::BridgeFilter& each : bridges)
      if (gateways.contains(each.index) && !(of_all && each.calls(family)))
        suspects.push_back({.index = each.index,
                            .name = each.name,
                            .family = family,
                            .is_loaded = of_all.has_value()});
    if (!suspects.empty() && kube_proxy.has_rules(family))
      blind.insert(blind.end(), suspects.begin(), suspects.end());
  }
  return blind;
}

void BridgedServices::mend(net::Netlink& netlink, const BlindBridge& bridge) {
  if (!bridge.is_loaded) return problems_.push_back(text_of(bridge));
  try {
    net::call_bridge_filter(netlink, bridge.index, bridge.family);
    log(LogLevel::info, packets_of(bridge) + " pass kube-proxy's rules from now on");
  } catch (const std::system_error& error) {
    problems_.push_back(packets_of(bridge) + " do not pass kube-proxy's rules: " + error.what() +
                        "; set sysctl " + sysctl_of(bridge.family) + " to 1");
  }
}

void BridgedServices::look(net::Netlink& netlink, const std::vector<base::Prefix>& ranges) {
  ranges_ = ranges;
  problems_.clear();
  try {
    for (const BlindBridge& each : find_blind_bridges(netlink, kube_proxy_, ranges))
      mend(netlink, each);
  } catch (const std::system_error& error) {
    problems_.push_back(
        std::string("cannot find out whether packets between pods pass kube-proxy's rules: ") +
        error.what());
  }
}

}  // namespace agent
