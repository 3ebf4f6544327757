// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic_rules.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "libcni/base/names.h"

namespace fabric {
namespace {

const std::string kMark = "plumb ";

using nft::Field;
using nft::PortRange;
using nft::Rule;

constexpr std::uint32_t kKubeProxyMark = 0x4000;  // kube-proxy's rules masquerade these packets
constexpr int kFirstFreePort = 1024;              // the kernel's NAT stays at or above it, too
constexpr int kLastPort = 65535;

constexpr const char* kPrerouting = "prerouting";
constexpr const char* kOutput = "output";
constexpr const char* kForward = "forward";
constexpr const char* kPostrouting = "postrouting";

void add_tunnel_rules(std::vector<WantedRule>& rules, std::uint16_t port, std::uint32_t vni) {
  const std::string tunnel = " vxlan port " + std::to_string(port) + " vni " + std::to_string(vni);
  for (const int family : {AF_INET, AF_INET6}) {
    const std::string digit = family == AF_INET ? "4" : "6";
    const std::vector<Field> source{{Field::Name::source}};
    // Only packets to this node: tunnels of others may pass through it.
    rules.push_back({kPrerouting, "unknown sender of" + tunnel, [=](Rule& rule) -> Rule& {
                       return rule.address_family(family)
                           .vxlan(port, vni)
                           .in_set("vteps" + digit, family, source, Rule::Match::unequal)
                           .destination_is_local()
                           .counter()
                           .drop();
                     }});
    // After masquerading a pod's packet would have the address of a known sender.
    rules.push_back({kForward, "own pod's" + tunnel, [=](Rule& rule) -> Rule& {
                       return rule.address_family(family)
                           .vxlan(port, vni)
                           .in_set("own" + digit, family, source)
                           .counter()
                           .drop();
                     }});
  }
  for (const char* chain : {kPrerouting, kOutput})
    rules.push_back({chain, "notrack" + tunnel,
                     [=](Rule& rule) -> Rule& { return rule.vxlan(port, vni).notrack(); }});
}

/// The longest run of ports for pods' flows without a tunnel port: answers to a tunnel port would
/// be taken for packets of the tunnel.
PortRange ports_beside(std::vector<std::uint16_t> tunnels) {
  PortRange widest{.first = kFirstFreePort, .last = kFirstFreePort - 1};
  int first = kFirstFreePort;
  const auto close = [&](int last) {
    if (last - first > widest.last - widest.first)
      widest = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
    first = std::max(first, last + 2);
  };
  std::ranges::sort(tunnels);
  for (const std::uint16_t port : tunnels) close(port - 1);
  close(kLastPort);
  return widest;
}

WantedRule masquerade_rule(int family, const std::optional<PortRange>& udp_ports = {}) {
  const std::string digit = family == AF_INET ? "4" : "6";
  const base::Prefix multicast =
      *base::Prefix::parse(family == AF_INET ? "224.0.0.0/4" : "ff00::/8");
  std::string text = "masquerade own" + digit;
  if (udp_ports)
    text += " UDP to " + std::to_string(udp_ports->first) + "-" + std::to_string(udp_ports->last);
  return {kPostrouting, text, [=](Rule& rule) -> Rule& {
            rule.address_family(family)
                .in_set("own" + digit, family, {{Field::Name::source}})
                .in_set("direct" + digit, family, {{Field::Name::destination}},
                        Rule::Match::unequal)
                .destination(multicast, Rule::Match::unequal);
            // Source ports below 1024 stay there: some servers require one.
            if (udp_ports) rule.l4proto(IPPROTO_UDP).source_port_at_least(kFirstFreePort);
            return rule.masquerade_fully_random(udp_ports);
          }};
}

}  // namespace

std::vector<WantedRule> wanted_rules(const Traffic& traffic) {
  std::vector<WantedRule> rules;
  for (const std::uint16_t port : traffic.vxlan_ports)
    for (const std::uint32_t vni : traffic.vnis) add_tunnel_rules(rules, port, vni);
  if (!traffic.masquerade) return rules;
  rules.push_back({kPostrouting, "leave to kube-proxy", [](Rule& rule) -> Rule& {
                     return rule.mark(kKubeProxyMark, kKubeProxyMark).return_to_caller();
                   }});
  for (const int family : {AF_INET, AF_INET6}) {
    if (!traffic.vxlan_ports.empty())
      rules.push_back(masquerade_rule(family, ports_beside(traffic.vxlan_ports)));
    rules.push_back(masquerade_rule(family));
  }
  return rules;
}

std::vector<WantedChain> wanted_chains(const std::vector<WantedRule>& rules) {
  std::vector<WantedChain> chains = {{kPrerouting, nft::prerouting_raw()},
                                     {kOutput, nft::output_raw()},
                                     {kForward, nft::forward_filter()},
                                     {kPostrouting, nft::postrouting_nat()}};
  std::erase_if(chains, [&](const WantedChain& chain) {
    return std::ranges::find(rules, std::string_view(chain.name), &WantedRule::chain) ==
           rules.end();
  });
  return chains;
}

bool is_comment_of_ours(std::string_view comment) {
  return comment.starts_with(kMark);
}

std::string print_rules(const std::vector<WantedRule>& rules) {
  std::string all = "layout 3";
  for (const WantedRule& rule : rules) all += "\n" + std::string(rule.chain) + " " + rule.text;
  return all;
}

std::vector<std::string> comments_of(const std::vector<WantedRule>& rules) {
  constexpr std::size_t kHashShown = 8;
  const std::string hash = base::sha512_hex(print_rules(rules)).substr(0, kHashShown);
  std::vector<std::string> comments;
  for (const WantedRule& rule : rules) comments.push_back(kMark + hash + ": " + rule.text);
  return comments;
}

}  // namespace fabric
