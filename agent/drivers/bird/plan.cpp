// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/plan.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "agent/drivers/bird/imports.h"
#include "agent/drivers/bird/names.h"
#include "agent/drivers/bird/notes.h"
#include "agent/drivers/bird/render.h"

namespace agent::bird {
namespace {

constexpr int kHold = 9;          // a dead node's routes are removed after this, without BFD
constexpr int kHoldWithBfd = 90;  // RFC 4271, section 10: BFD notices a dead node earlier
constexpr int kUnlimitedHops = 255;
constexpr std::size_t kLargeMesh = 100;  // each node has a session with every other
constexpr const char* kClients = "clients";
constexpr std::array kFamilies{AF_INET, AF_INET6};

bool has_family(const std::vector<base::Prefix>& ranges, int family) {
  return std::ranges::any_of(
      ranges, [&](const base::Prefix& range) { return range.address.family() == family; });
}

std::vector<base::Prefix> subnets_of(const fabric::Underlay& underlay, int family) {
  std::vector<base::Prefix> out = of_family(underlay.subnets, family);
  std::erase_if(out, [](const base::Prefix& net) { return net.address.is_link_local_unicast(); });
  return out;
}

bool has_bgp(const fabric::Node& node, const fabric::Options& options) {
  return node.backend.value_or(options.backend) == fabric::Backend::bgp;
}

bool concerns(const BgpPeer& peer, const fabric::Node& node) {
  return peer.node.empty() ? selects(peer.nodes, node) : peer.node == node.name;
}

/// The addresses of `service` that this node announces. The policy for traffic inside the
/// cluster applies to its cluster IPs only (Service, `internalTrafficPolicy`).
std::vector<base::IpAddress> announced(const Service& service, const BgpConfig& bgp,
                                       const std::string& node) {
  std::vector<base::IpAddress> out;
  const bool has_endpoint = std::ranges::binary_search(service.endpoint_nodes, node);
  if (service.local_policy && !has_endpoint) return out;
  const auto add = [&](const auto& addresses, const auto& ranges) {
    for (const base::IpAddress& address : addresses)
      if (base::any_contains(ranges, address)) out.push_back(address);
  };
  if (!service.internal_local_policy || has_endpoint) add(service.cluster_ips, bgp.cluster_ips);
  add(service.external_ips, bgp.external_ips);
  add(service.load_balancer_ips, bgp.load_balancer_ips);
  return out;
}

class SessionPlan {
 public:
  SessionPlan(const BgpConfig& config, const Snapshot& cluster, const Place& place)
      : bgp_(config), cluster_(cluster), place_(place), self_(place.self) {}

  Configuration make() {
    if (self_.addresses.empty())
      throw std::invalid_argument("node \"" + self_.name + "\" has no address for BGP");
    desired_.router_id = router_id(self_, cluster_.nodes);
    desired_.underlay_interface = place_.underlay.parent;
    desired_.bfd_interval_ms = bgp_.bfd_interval_ms;
    desired_.bfd_multiplier = bgp_.bfd_multiplier;
    for (const int family : kFamilies) add_filters(family);
    if (speaks(self_))
      add_node_sessions();
    else
      keep_node_sessions();
    desired_.left = !speaks_bgp(bgp_, place_);
    for (const BgpPeer& peer : bgp_.peers)
      if (concerns(peer, self_)) add_peer(peer);
    std::ranges::sort(desired_.sessions, {}, &Session::name);
    const auto twice = std::ranges::adjacent_find(desired_.sessions, {}, &Session::name);
    if (twice != desired_.sessions.end())
      throw std::invalid_argument("two BGP peers are called \"" + twice->peer + "\"");
    desired_.notes = notes_on(desired_.sessions);
    return std::move(desired_);
  }

 private:
  bool speaks(const fabric::Node& node) const { return has_bgp(node, place_.options); }
  std::uint32_t as_of(const fabric::Node& node) const {
    return node.as_number != 0 ? node.as_number : bgp_.as_number;
  }
  bool reflects(const fabric::Node& node) const {
    return !bgp_.reflectors.empty() && selects(bgp_.reflectors, node);
  }
  bool carries(int family) const {
    return std::ranges::any_of(desired_.families,
                               [&](const Filters& each) { return each.family == family; });
  }
  void add_filters(int family);
  void add_services(Filters& filters) const;
  std::vector<const fabric::Node*> others() const;
  void add_node_sessions();
  void keep_node_sessions();
  bool is_kept(const std::string& name) const;
  void add_cluster_id();
  void add_dynamic_clients();
  void add_node(const fabric::Node& node);
  void add_node_session(const fabric::Node& node, int family, std::vector<int> carried);
  void add_peer(const BgpPeer& peer);
  Session session(const base::IpAddress& local, bool bfd, int hold) const;
  int hops_to(const base::IpAddress& address) const;

  const BgpConfig& bgp_;
  const Snapshot& cluster_;
  const Place& place_;
  const fabric::Node& self_;
  Configuration desired_;
};

void SessionPlan::add_filters(int family) {
  Filters filters{.family = family,
                  .own = of_family(self_.ranges, family),
                  .refused = subnets_of(place_.underlay, family),
                  .cluster = of_family(place_.options.cluster_ranges, family),
                  .floating = of_family(bgp_.floating_ranges, family),
                  .routed = of_family(place_.routed, family)};
  // A single address belongs to a pod that has moved, as long as BIRD announces such addresses.
  const int bits = family == AF_INET ? 32 : 128;
  filters.routed_longest = speaks_bgp(bgp_, place_) ? bits - 1 : bits;
  for (const fabric::Node& node : cluster_.nodes)
    for (const base::Prefix& range : of_family(node.ranges, family)) {
      filters.shortest =
          filters.longest == 0 ? range.length : std::min(filters.shortest, range.length);
      filters.longest = std::max(filters.longest, range.length);
    }
  filters.claimed = find_claimed(cluster_, self_.name, family);
  add_services(filters);
  const bool imports = std::ranges::any_of(
      bgp_.peers, [&](const BgpPeer& peer) { return has_family(peer.import_ranges, family); });
  if (imports || !filters.own.empty() || !filters.cluster.empty() || !filters.floating.empty() ||
      !filters.services.empty())
    desired_.families.push_back(std::move(filters));
}

void SessionPlan::add_services(Filters& filters) const {
  for (const Service& service : cluster_.services)
    for (const base::IpAddress& address : announced(service, bgp_, self_.name))
      if (address.family() == filters.family) filters.services.push_back(address);
  std::ranges::sort(filters.services);
  auto& services = filters.services;
  services.erase(std::unique(services.begin(), services.end()), services.end());
}

/// The other nodes that speak BGP.
std::vector<const fabric::Node*> SessionPlan::others() const {
  std::vector<const fabric::Node*> out;
  for (const fabric::Node& node : cluster_.nodes)
    if (node.name != self_.name && speaks(node)) out.push_back(&node);
  return out;
}

void SessionPlan::add_node_sessions() {
  const auto nodes = others();
  if (bgp_.reflectors.empty()) {
    if (!bgp_.mesh) return;
    if (nodes.size() >= kLargeMesh)
      desired_.problems.push_back("a full mesh of " + std::to_string(nodes.size() + 1) +
                                  " nodes: choose two or three with bgp.reflectors");
    for (const fabric::Node* node : nodes) add_node(*node);
    return;
  }
  const bool reflector = reflects(self_);
  // Without the labels a new plan would end every session: keep the old one.
  if (!reflector &&
      std::ranges::none_of(nodes, [&](const fabric::Node* node) { return reflects(*node); }))
    throw std::invalid_argument("no node has the labels of bgp.reflectors");
  if (reflector) {
    add_cluster_id();
    add_dynamic_clients();
  }
  for (const fabric::Node* node : nodes)
    if (reflector || reflects(*node)) add_node(*node);
}

bool SessionPlan::is_kept(const std::string& name) const {
  return std::ranges::any_of(cluster_.nodes, [&](const fabric::Node& node) {
    const bool may_use_bgp = node.backend.value_or(fabric::Backend::bgp) == fabric::Backend::bgp;
    return node.name != self_.name && may_use_bgp &&
           (name.starts_with(kClients) || name == session_name("node", node.name, AF_INET) ||
            name == session_name("node", node.name, AF_INET6));
  });
}

void SessionPlan::keep_node_sessions() {
  for (const auto& [name, text] : find_sessions(place_.configuration)) {
    const bool has_families = (carries(AF_INET) || text.find("  ipv4 {\n") == std::string::npos) &&
                              (carries(AF_INET6) || text.find("  ipv6 {\n") == std::string::npos);
    if (has_families && is_kept(name)) desired_.kept.push_back(text);
  }
}

void SessionPlan::add_cluster_id() {
  desired_.cluster_id = desired_.router_id;
  for (const fabric::Node* node : others())
    if (reflects(*node))
      desired_.cluster_id = std::min(desired_.cluster_id, router_id(*node, cluster_.nodes));
}

/// With patterns, a reflector's sessions stay the same when nodes of its subnets come and go: only
/// the table of what each may announce changes.
void SessionPlan::add_dynamic_clients() {
  int number = 0;
  for (const int family : kFamilies) {
    const auto local = self_.address_of(family);
    if (!local || (family == AF_INET && !carries(AF_INET))) continue;
    const std::vector<base::Prefix> subnets = subnets_of(place_.underlay, family);
    for (Filters& filters : desired_.families) add_clients(filters, others(), subnets);
    for (const base::Prefix& subnet : subnets) {
      Session clients = session(*local, bgp_.bfd, bgp_.hold_seconds);
      clients.name = kClients + std::to_string(++number);
      clients.peer = subnet.text();
      clients.range = subnet;
      clients.remote_as = as_of(self_);
      clients.passive = clients.rr_client = clients.reflected = true;
      clients.accepts = Accepts::clients;
      clients.password_file = bgp_.password_file;
      clients.ttl_security = bgp_.ttl_security;
      for (const int carried : kFamilies)
        if (carries(carried) && (carried == family || family == AF_INET6))
          clients.families.push_back(carried);
      desired_.sessions.push_back(std::move(clients));
    }
  }
}

void SessionPlan::add_node(const fabric::Node& node) {
  const auto common = [&](int family) {
    return self_.address_of(family) && node.address_of(family);
  };
  if (common(AF_INET) && carries(AF_INET)) add_node_session(node, AF_INET, {AF_INET});
  if (common(AF_INET6)) {
    std::vector<int> carried;
    if (!common(AF_INET) && carries(AF_INET)) carried.push_back(AF_INET);
    if (carries(AF_INET6)) carried.push_back(AF_INET6);
    if (!carried.empty()) add_node_session(node, AF_INET6, std::move(carried));
  }
  if (common(AF_INET6) || desired_.families.empty()) return;
  if (!common(AF_INET))
    desired_.problems.push_back("node \"" + node.name + "\" has no address of this node's family");
  else if (carries(AF_INET6) && has_family(node.ranges, AF_INET6))
    desired_.problems.push_back("node \"" + node.name +
                                "\": IPv6 pods need IPv6 addresses of both nodes in BGP mode");
}

void SessionPlan::add_node_session(const fabric::Node& node, int family, std::vector<int> carried) {
  const base::IpAddress neighbor = *node.address_of(family);
  const bool here = reflects(self_), there = reflects(node), same_as = as_of(node) == as_of(self_);
  const bool client = here && !there;
  // The pattern of add_dynamic_clients() covers it.
  if (client && same_as && hops_to(neighbor) == 0) return;
  Session out = session(*self_.address_of(family), bgp_.bfd, bgp_.hold_seconds);
  out.name = session_name("node", node.name, family);
  out.peer = node.name;
  out.neighbor = neighbor;
  out.remote_as = as_of(node);
  out.hops = hops_to(neighbor);
  out.ttl_security = bgp_.ttl_security && out.hops == 0;
  out.passive = client;
  out.rr_client = client && same_as;
  out.reflected = here;
  out.accepts = there ? Accepts::cluster : Accepts::node;
  if (!there) out.node_ranges = node.ranges;
  if (there && !here)
    out.connect_delay += static_cast<int>(
        hash32(self_.name) % static_cast<std::uint32_t>(bgp_.connect_jitter_seconds + 1));
  out.password_file = bgp_.password_file;
  out.families = std::move(carried);
  desired_.sessions.push_back(std::move(out));
}

void SessionPlan::add_peer(const BgpPeer& peer) {
  const int family = peer.address.family();
  const auto local = self_.address_of(family);
  if (!local) {
    desired_.problems.push_back("BGP peer \"" + peer.name + "\": this node has no address of " +
                                peer.address.text() + "'s family");
    return;
  }
  Session out = session(*local, peer.bfd.value_or(bgp_.bfd),
                        peer.hold_seconds != 0 ? peer.hold_seconds : bgp_.hold_seconds);
  out.name = session_name("peer", peer.name, family);
  out.peer = peer.name;
  if (peer.local_as != 0) out.local_as = peer.local_as;
  out.neighbor = peer.address;
  out.remote_as = peer.as_number;
  out.port = peer.port;
  out.external = true;
  out.hops = peer.multihop;
  out.ttl_security = peer.ttl_security;
  out.password_file = peer.password_file;
  out.communities.insert(out.communities.end(), peer.communities.begin(), peer.communities.end());
  out.import_ranges = peer.import_ranges;
  const bool only_v6 = family == AF_INET6 && !self_.address_of(AF_INET);
  for (const int carried : kFamilies)
    if (carries(carried) && (carried == family || only_v6)) out.families.push_back(carried);
  if (out.families.empty())
    desired_.problems.push_back("BGP peer \"" + peer.name + "\": no range of its address family");
  else
    desired_.sessions.push_back(std::move(out));
}

/// The settings that all sessions share.
Session SessionPlan::session(const base::IpAddress& local, bool bfd, int hold) const {
  return {.local = local,
          .local_as = as_of(self_),
          .hold = hold != 0 ? hold : (bfd ? kHoldWithBfd : kHold),
          .graceful_restart = bgp_.graceful_restart && !bfd,
          .bfd = bfd,
          .communities = bgp_.communities};
}

int SessionPlan::hops_to(const base::IpAddress& address) const {
  return base::any_contains(subnets_of(place_.underlay, address.family()), address)
             ? 0
             : kUnlimitedHops;
}

}  // namespace

Configuration plan(const BgpConfig& config, const Snapshot& cluster, const Place& place) {
  return SessionPlan(config, cluster, place).make();
}

bool uses_bgp(const Place& place) {
  return has_bgp(place.self, place.options);
}

bool speaks_bgp(const BgpConfig& config, const Place& place) {
  return has_bgp(place.self, place.options) ||
         std::ranges::any_of(config.peers,
                             [&](const BgpPeer& peer) { return concerns(peer, place.self); });
}

std::uint32_t router_id(const fabric::Node& self, std::span<const fabric::Node> nodes) {
  const auto of_v4 = [](const base::IpAddress& address) {
    std::uint32_t id = 0;
    for (const std::uint8_t byte : address.bytes()) id = id << 8 | byte;
    return id;
  };
  if (const auto v4 = self.address_of(AF_INET)) return of_v4(*v4);
  std::set<std::uint32_t> taken{0};
  for (const fabric::Node& node : nodes)
    if (const auto v4 = node.address_of(AF_INET)) taken.insert(of_v4(*v4));
  const auto take = [&](const fabric::Node& node) {
    const std::string text = node.address_of(AF_INET6).value_or(base::IpAddress()).text();
    std::uint32_t id = hash32(text);
    while (!taken.insert(id).second) ++id;
    return id;
  };
  for (const fabric::Node& node : nodes) {
    if (node.name == self.name) break;
    if (!node.address_of(AF_INET)) take(node);
  }
  return take(self);
}

}  // namespace agent::bird
