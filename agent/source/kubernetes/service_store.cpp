// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/service_store.h"

#include <algorithm>
#include <utility>

namespace agent::kubernetes {

void ServiceStore::Visitor::text(Path path, std::string& value) {
  if (is_at(path, {"metadata", "name"})) name = value;
  if (is_at(path, {"metadata", "namespace"})) space = value;
  if (is_at(path, {"spec", "clusterIP"})) cluster_ip = value;
  if (is_at(path, {"spec", "clusterIPs", ""})) add(service.cluster_ips, value);
  if (is_at(path, {"spec", "externalIPs", ""})) add(service.external_ips, value);
  if (is_at(path, {"spec", "externalTrafficPolicy"})) service.local_policy = value == "Local";
  if (is_at(path, {"spec", "internalTrafficPolicy"}))
    service.internal_local_policy = value == "Local";
  if (is_at(path, {"status", "loadBalancer", "ingress", "", "ip"}))
    add(service.load_balancer_ips, value);
}

// A headless service has "None" in place of an address.
void ServiceStore::Visitor::add(std::vector<base::IpAddress>& to, const std::string& value) {
  if (const auto address = base::IpAddress::parse(value)) to.push_back(*address);
}

void ServiceStore::end_list() {
  changed_ |= known_ != fresh_;
  known_ = std::exchange(fresh_, {});
}

JsonVisitor& ServiceStore::begin_object() {
  visitor_ = {};
  return visitor_;
}

void ServiceStore::end_object(EventType what) {
  Service service = std::move(visitor_.service);
  if (service.cluster_ips.empty()) visitor_.add(service.cluster_ips, visitor_.cluster_ip);
  service.name = visitor_.space + "/" + visitor_.name;
  if (visitor_.name.empty()) return;
  Map& map = what == EventType::listed ? fresh_ : known_;
  const bool live = what != EventType::listed;
  const auto found = map.find(service.name);
  const bool there = found != map.end();
  const bool useless = service.cluster_ips.empty() && service.external_ips.empty() &&
                       service.load_balancer_ips.empty();
  if (what == EventType::deleted || useless) {
    if (there) map.erase(found);
    changed_ |= live && there;
  } else if (!there || found->second != service) {
    const std::string name = service.name;
    map.insert_or_assign(name, std::move(service));
    changed_ |= live;
  }
}

void ServiceStore::notify() {
  if (std::exchange(changed_, false)) on_change_();
}

std::vector<std::string> EndpointStore::nodes_of(const std::string& service) const {
  std::vector<std::string> nodes;
  const auto found = known_.find(service);
  if (found == known_.end()) return nodes;
  for (const auto& [slice, of_slice] : found->second)
    nodes.insert(nodes.end(), of_slice.begin(), of_slice.end());
  std::ranges::sort(nodes);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return nodes;
}

void EndpointStore::Visitor::text(Path path, std::string& value) {
  if (is_at(path, {"metadata", "name"})) name = value;
  if (is_at(path, {"metadata", "namespace"})) space = value;
  if (is_at(path, {"metadata", "labels", "kubernetes.io/service-name"})) service = value;
  if (is_at(path, {"endpoints", "", "nodeName"})) node = value;
}

void EndpointStore::Visitor::boolean(Path path, bool value) {
  if (is_at(path, {"endpoints", "", "conditions", "ready"})) ready = value;
}

void EndpointStore::Visitor::end_object(Path path) {
  if (!is_at(path, {"endpoints", ""})) return;
  if (ready && !node.empty() && std::ranges::find(nodes, node) == nodes.end())
    nodes.push_back(node);
  node.clear();
  ready = true;
}

void EndpointStore::end_list() {
  changed_ |= known_ != fresh_;
  known_ = std::exchange(fresh_, {});
}

JsonVisitor& EndpointStore::begin_object() {
  visitor_ = {};
  return visitor_;
}

void EndpointStore::end_object(EventType what) {
  if (visitor_.name.empty() || visitor_.service.empty()) return;
  std::ranges::sort(visitor_.nodes);
  const std::string service = visitor_.space + "/" + visitor_.service;
  Map& map = what == EventType::listed ? fresh_ : known_;
  if (what == EventType::deleted) {
    const auto found = map.find(service);
    if (found == map.end()) return;
    changed_ |= found->second.erase(visitor_.name) > 0;
    if (found->second.empty()) map.erase(found);
    return;
  }
  auto& slices = map[service];
  const auto found = slices.find(visitor_.name);
  if (found != slices.end() && found->second == visitor_.nodes) return;
  slices[visitor_.name] = std::move(visitor_.nodes);
  changed_ |= what != EventType::listed;
}

void EndpointStore::notify() {
  if (std::exchange(changed_, false)) on_change_();
}

}  // namespace agent::kubernetes
