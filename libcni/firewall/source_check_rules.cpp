// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/source_check_rules.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "libcni/nft/nft.h"

namespace firewall::source_rules {
namespace {

using enum nft::Field::Name;
using nft::Field;
using nft::Rule;
using enum nft::Rule::Match;

constexpr const char* kFromPod = "from_pod";
constexpr const char* kHostEnds = "veth";
constexpr std::uint16_t kDhcpServer = 67, kDhcpClient = 68, kDhcpv6Client = 546;
constexpr std::uint8_t kRedirect = 5;               // ICMP, RFC 792
constexpr std::uint8_t kRouterAdvertisement = 134;  // ICMPv6, RFC 4861
constexpr std::uint8_t kNeighbourSolicitation = 135;
constexpr std::uint8_t kNeighbourAdvertisement = 136;
constexpr std::uint8_t kRedirectV6 = 137;
constexpr std::uint8_t kLooseRoute = 131, kStrictRoute = 137;  // IPv4 options, RFC 791

const base::Prefix& any_v4() {
  static const base::Prefix kAddress = *base::Prefix::parse("0.0.0.0/32");
  return kAddress;
}
const base::Prefix& any_v6() {
  static const base::Prefix kAddress = *base::Prefix::parse("::/128");
  return kAddress;
}

/// A rule for packets of a family. nft shows addresses as such behind this match.
Rule rule_for(bool bridged, int family, const char* comment = "") {
  Rule rule(comment);
  if (bridged)
    rule.protocol(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
  else
    rule.address_family(family);
  return rule;
}

std::vector<Field> own(bool bridged, Field::Name address) {
  if (!bridged) return {{input_link}, {address}};
  return {{input_link}, {ether_source}, {address}};
}

const char* set_of(int family) {
  return family == AF_INET ? kIpv4 : kIpv6;
}

/// Messages that a pod with its own address must not send either. Most packets are TCP without
/// options, which are none of these.
void put_content_rules(nft::Batch& batch, bool bridged) {
  const auto append = [&](Rule&& rule) { batch.append_rule(kFromPod, rule); };
  const auto drop_port = [&](int family, std::uint16_t port) {
    append(std::move(rule_for(bridged, family, "answer of a DHCP server")
                         .l4proto(IPPROTO_UDP)
                         .destination_port(port)
                         .counter()
                         .drop()));
  };
  const auto drop_icmp = [&](int family, std::uint8_t type, const char* what) {
    append(std::move(rule_for(bridged, family, what).icmp_type(family, type).counter().drop()));
  };
  append(std::move(Rule().without_ipv4_options().l4proto(IPPROTO_TCP).accept()));
  append(std::move(rule_for(bridged, AF_INET6).l4proto(IPPROTO_TCP).accept()));
  drop_port(AF_INET, kDhcpClient);
  drop_port(AF_INET6, kDhcpv6Client);
  drop_icmp(AF_INET, kRedirect, "redirect");
  drop_icmp(AF_INET6, kRedirectV6, "redirect");
  drop_icmp(AF_INET6, kRouterAdvertisement, "router advertisement");
  for (const std::uint8_t option : {kLooseRoute, kStrictRoute})
    append(
        std::move(rule_for(bridged, AF_INET, "source route").ipv4_option(option).counter().drop()));
}

/// A pod may claim no other address than its own, and may not disturb another's duplicate address
/// detection.
void put_neighbour_rules(nft::Batch& batch) {
  const auto target = own(true, neighbour_target);
  batch.append_rule(kFromPod, rule_for(true, AF_INET6, "advertisement of another address")
                                  .icmp_type(AF_INET6, kNeighbourAdvertisement)
                                  .in_set(kIpv6, AF_INET6, target, unequal)
                                  .counter()
                                  .drop());
  batch.append_rule(kFromPod, rule_for(true, AF_INET6, "claim of another address")
                                  .source(any_v6())
                                  .icmp_type(AF_INET6, kNeighbourSolicitation)
                                  .in_set(kIpv6, AF_INET6, target, unequal)
                                  .counter()
                                  .drop());
}

std::vector<Rule> common_hook_rules(bool bridged) {
  std::vector<Rule> rules;
  rules.push_back(std::move(Rule().input_link_begins(kHostEnds, unequal).accept()));
  for (const int family : {AF_INET, AF_INET6})
    rules.push_back(std::move(rule_for(bridged, family)
                                  .in_set(set_of(family), family, own(bridged, source))
                                  .go_to(kFromPod)));
  rules.push_back(std::move(Rule().in_set(kLinks, AF_INET, {{input_link}}, unequal).accept()));
  return rules;
}

/// Frames of other protocols pass with the pod's MAC address. A frame with two VLAN tags does not:
/// receivers ignore tags of VLAN 0 (Linux, vlan_do_receive), so that the inner packet would be
/// unchecked.
std::vector<Rule> bridge_hook_rules() {
  std::vector<Rule> rules = common_hook_rules(true);
  const auto arp = [](const char* comment = "") {
    Rule rule(comment);
    rule.protocol(ETH_P_ARP);
    return rule;
  };
  rules.push_back(std::move(Rule("MAC address of another")
                                .in_set(kMacs, AF_INET, {{input_link}, {ether_source}}, unequal)
                                .counter()
                                .drop()));
  rules.push_back(std::move(
      arp()
          .in_set(kIpv4, AF_INET, {{input_link}, {arp_sender_mac}, {Field::Name::arp_sender}})
          .accept()));
  rules.push_back(std::move(arp()
                                .arp_sender(any_v4().address)
                                .in_set(kMacs, AF_INET, {{input_link}, {arp_sender_mac}})
                                .accept()));
  rules.push_back(std::move(rule_for(true, AF_INET)
                                .source(any_v4())
                                .l4proto(IPPROTO_UDP)
                                .destination_port(kDhcpServer)
                                .accept()));
  rules.push_back(std::move(rule_for(true, AF_INET6).source(any_v6()).go_to(kFromPod)));
  rules.push_back(std::move(arp("ARP for another").counter().drop()));
  for (const int type : {ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD})
    rules.push_back(std::move(
        Rule("address of another").protocol(static_cast<std::uint16_t>(type)).counter().drop()));
  return rules;
}

std::vector<Rule> routed_hook_rules() {
  std::vector<Rule> rules = common_hook_rules(false);
  for (const char* allowed : {"fe80::/10", "::/128"})
    rules.push_back(
        std::move(rule_for(false, AF_INET6).source(*base::Prefix::parse(allowed)).go_to(kFromPod)));
  rules.push_back(std::move(Rule("address of another").counter().drop()));
  return rules;
}

std::vector<Rule> make_hook_rules(bool bridged) {
  return bridged ? bridge_hook_rules() : routed_hook_rules();
}

}  // namespace

const nft::Table& table(bool bridged) {
  static const nft::Table kBridged{nft::Family::bridge, "plumb_links"};
  static const nft::Table kRouted{nft::Family::inet, "plumb_links"};
  return bridged ? kBridged : kRouted;
}

std::vector<nft::Set> sets(bool bridged) {
  using enum nft::Type;
  if (!bridged)
    return {{.name = kLinks, .key = {ifname}},
            {.name = kIpv4, .key = {ifname, ipv4_addr}},
            {.name = kIpv6, .key = {ifname, ipv6_addr}}};
  return {{.name = kLinks, .key = {ifname}},
          {.name = kMacs, .key = {ifname, ether_addr}},
          {.name = kIpv4, .key = {ifname, ether_addr, ipv4_addr}},
          {.name = kIpv6, .key = {ifname, ether_addr, ipv6_addr}}};
}

std::uint32_t hook_rules(bool bridged) {
  return bridged ? 14 : 7;
}

void put(nft::Batch& batch, bool bridged) {
  batch.ensure_table("Pods send only from their own addresses (spoofCheck)");
  for (const nft::Set& set : sets(bridged)) batch.ensure_set(set);
  batch.ensure_chain(kFromPod);
  // Prerouting is hook 0 and raw priority -300 in both families, before connection tracking.
  batch.ensure_base_chain(kHook, nft::prerouting_raw());
  batch.flush_chain(kHook);
  batch.flush_chain(kFromPod);
  put_content_rules(batch, bridged);
  if (bridged) put_neighbour_rules(batch);
  for (const Rule& rule : make_hook_rules(bridged)) batch.append_rule(kHook, rule);
}

}  // namespace firewall::source_rules
