// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/explain.h"

#include <algorithm>

namespace agent::policy {
namespace {

bool has_peer(const Cluster& cluster, const std::vector<Peer>& peers, const std::string& ns,
              const LivePod& other, const base::IpAddress& address) {
  return std::ranges::any_of(peers, [&](const Peer& peer) {
    if (!peer.block || !peer.readable) return cluster.is_peer(peer, ns, *other.pod);
    return peer.block->contains(address) && !base::any_contains(peer.exceptions, address);
  });
}

/// A name of a port needs a destination that selectors mean; a block of addresses does not mean
/// one.
bool allows(const Cluster& cluster, const Rule& rule, const std::string& ns, const Packet& packet,
            Direction way) {
  const bool egress = way == Direction::egress;
  const LivePod& other = egress ? packet.destination : packet.source;
  const base::IpAddress& address = egress ? packet.to : packet.from;
  std::vector<Peer> selectors = rule.peers.value_or(std::vector<Peer>{});
  if (rule.peers && !has_peer(cluster, *rule.peers, ns, other, address)) return false;
  if (!rule.ports) return true;
  std::erase_if(selectors, [](const Peer& peer) { return peer.block.has_value(); });
  const bool is_selected =
      !egress || !rule.peers || has_peer(cluster, selectors, ns, other, address);
  return std::ranges::any_of(*rule.ports, [&](const Port& port) {
    if (!port.readable || port.protocol != packet.protocol) return false;
    if (!port.name.empty()) {
      const auto numbers = named_ports(port, *packet.destination.pod);
      return is_selected && std::ranges::find(numbers, packet.port) != numbers.end();
    }
    return port.first == 0 || (port.first <= packet.port && packet.port <= port.last);
  });
}

}  // namespace

Decision decide(const Cluster& cluster, const Packet& packet, Direction way) {
  const LivePod& subject = way == Direction::egress ? packet.source : packet.destination;
  const char* list = way == Direction::egress ? " spec.egress[" : " spec.ingress[";
  Decision made;
  for (const NetworkPolicy* policy : cluster.policies_of(*subject.pod, way)) {
    made.isolating.push_back(policy->text());
    const std::vector<Rule>& rules = policy->rules(way);
    for (std::size_t i = 0; made.rule.empty() && i < rules.size(); ++i)
      if (allows(cluster, rules[i], policy->ns, packet, way))
        made.rule = policy->text() + list + std::to_string(i) + "]";
  }
  // A pod reaches itself, which policies of its own cannot forbid.
  if (packet.from == packet.to) made.rule = "the pod itself";
  return made;
}

}  // namespace agent::policy
