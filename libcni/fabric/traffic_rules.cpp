// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic_rules.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
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

/// A port at which BIRD takes packets of its peers.
struct PortOfSpeaker {
  const char* name;
  std::uint8_t protocol;
  std::uint16_t port;
};
constexpr std::array kSpeakerPorts = {PortOfSpeaker{"BGP", IPPROTO_TCP, 179},
                                      PortOfSpeaker{"BFD, one hop", IPPROTO_UDP, 3784},
                                      PortOfSpeaker{"BFD, several hops", IPPROTO_UDP, 4784}};

constexpr const char* kTunnel = "tunnel";
constexpr const char* kSpeakers = "speakers";
constexpr const char* kPrerouting = "prerouting";
constexpr const char* kOutput = "output";
constexpr const char* kForward = "forward";
constexpr const char* kPostrouting = "postrouting";

/// Returns "4" or "6".
std::string digit_of(int family) {
  return family == AF_INET ? "4" : "6";
}

/// The checks of a packet of the tunnel to this node. They are a chain of their own, so that other
/// packets meet only the rule that jumps to it.
void add_sender_checks(std::vector<WantedRule>& rules, const std::set<TunnelShape>& shapes) {
  for (const int family : {AF_INET, AF_INET6})
    rules.push_back({kTunnel, "unknown sender by IPv" + digit_of(family), [=](Rule& rule) -> Rule& {
                       return rule.address_family(family)
                           .in_set("vteps" + digit_of(family), family, {{Field::Name::source}},
                                   Rule::Match::unequal)
                           .counter()
                           .drop();
                     }});
  for (const TunnelShape& shape : shapes) {
    const auto source =
        shape.inner == AF_INET ? Field::Name::vxlan_source4 : Field::Name::vxlan_source6;
    rules.push_back({kTunnel, "known " + set_name(shape), [=](Rule& rule) -> Rule& {
                       return rule.address_family(shape.outer)
                           .vxlan_carries(shape.inner)
                           .in_set(set_name(shape), shape.outer,
                                   {{Field::Name::source}, {source, shape.length}})
                           .return_to_caller();
                     }});
  }
  if (!shapes.empty())
    rules.push_back({kTunnel, "source is not of the sending node",
                     [](Rule& rule) -> Rule& { return rule.counter().drop(); }});
}

/// Fragments of the tunnel's packets would pass the checks, because the first can be too short to
/// have an inner source; RFC 7348 section 4.3 has no fragments. Where connection tracking is in use
/// the kernel has reassembled them already.
void add_fragment_rules(std::vector<WantedRule>& rules, std::uint16_t port) {
  for (const int family : {AF_INET, AF_INET6})
    rules.push_back({kPrerouting,
                     "IPv" + digit_of(family) + " fragment of vxlan port " + std::to_string(port),
                     [=](Rule& rule) -> Rule& {
                       return rule.fragment(family)
                           .l4proto(IPPROTO_UDP)
                           .destination_port(port)
                           .destination_is_local()
                           .counter()
                           .drop();
                     }});
}

/// Drops packets that come by a link to which no route to their source leads, such as a pod's with
/// a node's address; also those that this node would forward to another.
WantedRule link_check(std::uint16_t port, std::uint32_t vni, const std::string& parent) {
  const std::string text = "sender is behind another link: vxlan port " + std::to_string(port) +
                           " vni " + std::to_string(vni) + " not by " + parent;
  return {kPrerouting, text, [=](Rule& rule) -> Rule& {
            rule.vxlan(port, vni);
            if (!parent.empty()) rule.input_link(parent, Rule::Match::unequal);
            return rule.source_is_behind_another_link().counter().drop();
          }};
}

void add_tunnel_rules(std::vector<WantedRule>& rules, std::uint16_t port, std::uint32_t vni) {
  const std::string tunnel = " vxlan port " + std::to_string(port) + " vni " + std::to_string(vni);
  // Only packets to this node: tunnels of others may pass through it.
  rules.push_back({kPrerouting, "check" + tunnel, [=](Rule& rule) -> Rule& {
                     return rule.vxlan(port, vni).destination_is_local().jump(kTunnel);
                   }});
  for (const int family : {AF_INET, AF_INET6}) {
    const std::string digit = digit_of(family);
    const std::vector<Field> source{{Field::Name::source}};
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

/// A rule that drops packets to a node's port of BGP or BFD. To this node they go by the route to a
/// local address, to other nodes by the set of their addresses.
WantedRule speaker_rule(int family, bool to_this_node, const std::string& sender,
                        const std::function<void(Rule&)>& match_sender) {
  const std::string set = "speakers" + digit_of(family);
  const std::string text = sender + " to " + (to_this_node ? "this node" : "another node") +
                           " by IPv" + digit_of(family);
  return {kSpeakers, text, [=](Rule& rule) -> Rule& {
            rule.address_family(family);
            if (to_this_node)
              rule.destination_is_local();
            else
              rule.in_set(set, family, {{Field::Name::destination}});
            match_sender(rule);
            return rule.counter().drop();
          }};
}

void add_speaker_rules(std::vector<WantedRule>& rules, const std::string& parent) {
  for (const PortOfSpeaker& each : kSpeakerPorts)
    rules.push_back(
        {kPrerouting, each.name, [=](Rule& rule) -> Rule& {
           return rule.l4proto(each.protocol).destination_port(each.port).jump(kSpeakers);
         }});
  for (const int family : {AF_INET, AF_INET6})
    for (const bool to_this_node : {true, false}) {
      rules.push_back(speaker_rule(family, to_this_node, "pod", [=](Rule& rule) {
        rule.in_set("own" + digit_of(family), family, {{Field::Name::source}});
      }));
      rules.push_back(speaker_rule(
          family, to_this_node, "sender behind another link than " + parent, [=](Rule& rule) {
            rule.input_link(parent, Rule::Match::unequal).source_is_behind_another_link();
          }));
    }
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
  const std::string digit = digit_of(family);
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

std::vector<WantedRule> wanted_rules(const Traffic& traffic, const std::set<TunnelShape>& shapes) {
  std::vector<WantedRule> rules;
  for (const std::uint16_t port : traffic.vxlan_ports) {
    if (traffic.vnis.empty()) break;
    add_fragment_rules(rules, port);
    for (const std::uint32_t vni : traffic.vnis) {
      rules.push_back(link_check(port, vni, traffic.parent));
      add_tunnel_rules(rules, port, vni);
    }
  }
  if (!rules.empty()) add_sender_checks(rules, shapes);
  if (traffic.bgp) add_speaker_rules(rules, traffic.parent);
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
  std::vector<WantedChain> chains = {{kTunnel},
                                     {kSpeakers},
                                     {kPrerouting, nft::prerouting_raw()},
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
  std::string all = "layout 4";
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
