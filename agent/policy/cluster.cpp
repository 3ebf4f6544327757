// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cluster.h"

#include <algorithm>
#include <tuple>

#include "agent/policy/selector.h"

namespace agent::policy {

Cluster::Cluster(const Objects& objects) {
  for (const Namespace& each : objects.namespaces) namespaces_[each.name] = &each.labels;
  for (const Pod& pod : objects.pods)
    if (!pod.terminal && !pod.host_network) pods_.push_back({.pod = &pod});
  std::ranges::sort(pods_, {}, [](const LivePod& each) {
    return std::tie(each.pod->ns, each.pod->name, each.pod->uid);
  });
  for (const NetworkPolicy& each : objects.policies) policies_.push_back(&each);
  std::ranges::sort(policies_, {},
                    [](const NetworkPolicy* each) { return std::tie(each->ns, each->name); });
  settle_addresses();
}

/// An address belongs to the newest pod that has it: an older one has lost it.
void Cluster::settle_addresses() {
  const auto age = [](const Pod& pod) { return std::tie(pod.created, pod.ns, pod.name, pod.uid); };
  std::map<base::IpAddress, LivePod*> owners;
  for (LivePod& each : pods_)
    for (const base::IpAddress& address : each.pod->addresses) {
      LivePod*& owner = owners[address];
      if (owner == nullptr || age(*owner->pod) < age(*each.pod)) owner = &each;
    }
  for (const auto& [address, owner] : owners) owner->addresses.push_back(address);
}

std::vector<const NetworkPolicy*> Cluster::policies_of(const Pod& pod, Direction way) const {
  std::vector<const NetworkPolicy*> found;
  for (const NetworkPolicy* each : policies_)
    if (each->isolates(way) && is_subject(*each, pod)) found.push_back(each);
  return found;
}

bool Cluster::is_peer(const Peer& peer, const std::string& ns, const Pod& pod) const {
  if (!peer.readable || peer.block) return false;
  if (!peer.pods && !peer.namespaces) return true;
  if (peer.pods && !selects(*peer.pods, pod.labels)) return false;
  if (!peer.namespaces) return pod.ns == ns;
  const auto found = namespaces_.find(pod.ns);
  return found != namespaces_.end() && selects(*peer.namespaces, *found->second);
}

const LivePod* Cluster::find_pod(const base::IpAddress& address) const {
  for (const LivePod& each : pods_)
    if (std::ranges::find(each.addresses, address) != each.addresses.end()) return &each;
  return nullptr;
}

const LivePod* Cluster::find_pod(const std::string& ns, const std::string& name) const {
  for (const LivePod& each : pods_)
    if (each.pod->ns == ns && each.pod->name == name) return &each;
  return nullptr;
}

bool is_too_much(const std::vector<const NetworkPolicy*>& policies, const Pod& pod, Direction way) {
  std::size_t rules = 0, exceptions = 0;
  for (const NetworkPolicy* policy : policies)
    for (const Rule& rule : policy->rules(way)) {
      std::size_t ports = rule.ports ? 0 : 1;
      for (const Port& port : rule.ports.value_or(std::vector<Port>{}))
        ports += port.name.empty() || way == Direction::egress ? 1 : named_ports(port, pod).size();
      rules += ports * (rule.peers ? rule.peers->size() : 1);
      for (const Peer& peer : rule.peers.value_or(std::vector<Peer>{}))
        exceptions += peer.exceptions.size();
      if (rules > kMostRules || exceptions > kMostExceptions) return true;
    }
  return false;
}

bool is_subject(const NetworkPolicy& policy, const Pod& pod) {
  return policy.ns == pod.ns && (!policy.subject.readable || selects(policy.subject, pod.labels));
}

std::vector<std::uint16_t> named_ports(const Port& port, const Pod& pod) {
  std::vector<std::uint16_t> numbers;
  for (const PortName& each : pod.port_names)
    if (each.name == port.name && each.protocol == port.protocol) numbers.push_back(each.port);
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

}  // namespace agent::policy
