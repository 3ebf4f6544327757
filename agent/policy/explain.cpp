// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/explain.h"

#include <algorithm>

namespace agent::policy {
namespace {

/// One end of a packet, and the other end in the words of a policy of its namespace.
struct View {
  const Cluster& cluster;
  const Packet& packet;
  Direction way;
  const std::string& ns;

  bool leaves() const { return way == Direction::egress; }
  const LivePod& other() const { return leaves() ? packet.destination : packet.source; }
  const base::IpAddress& address() const { return leaves() ? packet.to : packet.from; }
};

bool is_peer(const View& view, const Peer& peer) {
  if (!peer.block || !peer.readable) return view.cluster.is_peer(peer, view.ns, *view.other().pod);
  return peer.block->contains(view.address()) &&
         !base::any_contains(peer.exceptions, view.address());
}

/// Returns whether selectors mean the other end. A block of addresses has no names for ports.
bool is_selected(const View& view, const Rule& rule) {
  return !rule.peers || std::ranges::any_of(*rule.peers, [&](const Peer& peer) {
    return !peer.block && is_peer(view, peer);
  });
}

bool is_port(const View& view, const Rule& rule, const Port& port) {
  const Packet& packet = view.packet;
  if (!port.readable || port.protocol != packet.protocol) return false;
  if (port.name.empty())
    return port.first == 0 || (port.first <= packet.port && packet.port <= port.last);
  if (view.leaves() && !is_selected(view, rule)) return false;
  const auto numbers = named_ports(port, *packet.destination.pod);
  return std::ranges::find(numbers, packet.port) != numbers.end();
}

bool allows(const View& view, const Rule& rule) {
  const auto peer_fits = [&](const Peer& peer) { return is_peer(view, peer); };
  if (rule.peers && std::ranges::none_of(*rule.peers, peer_fits)) return false;
  return !rule.ports || std::ranges::any_of(*rule.ports, [&](const Port& port) {
    return is_port(view, rule, port);
  });
}

}  // namespace

Decision decide(const Cluster& cluster, const Packet& packet, Direction way) {
  const LivePod& subject = way == Direction::egress ? packet.source : packet.destination;
  const char* list = way == Direction::egress ? " spec.egress[" : " spec.ingress[";
  Decision made;
  const auto policies = cluster.policies_of(*subject.pod, way);
  made.too_much = is_too_much(policies, *subject.pod, way);
  for (const NetworkPolicy* policy : policies) {
    made.isolating.push_back(policy->text());
    const std::vector<Rule>& rules = policy->rules(way);
    const View view{cluster, packet, way, policy->ns};
    for (std::size_t i = 0; !made.too_much && made.rule.empty() && i < rules.size(); ++i)
      if (allows(view, rules[i])) made.rule = policy->text() + list + std::to_string(i) + "]";
  }
  // A pod reaches itself, which policies of its own cannot forbid.
  if (packet.from == packet.to) made.rule = "the pod itself";
  return made;
}

}  // namespace agent::policy
