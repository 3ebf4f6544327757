// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/cluster.h"

#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

#include "libcni/base/file.h"
#include "libcni/fabric/ways.h"
#include "libcni/firewall/owner.h"
#include "libcni/net/link.h"
#include "libcni/nodes/node_list.h"

namespace vxlan {
namespace {

constexpr std::size_t kLongestScope = 64;

[[noreturn]] void refuse(const std::string& why, const std::string& details = {}) {
  throw cni::Error(cni::Code::invalid_config, why, details);
}

std::vector<fabric::Node> read_peers(const Conf& conf) {
  std::vector<fabric::Node> peers = conf.peers;
  if (conf.peers_file.empty()) return peers;
  const auto text = base::find_file(conf.peers_file);
  if (!text)
    refuse("key \"peersFile\": file \"" + conf.peers_file + "\" does not exist",
           "write the list of the nodes there, or remove the key if plumbd runs");
  nodes::NodeList list = nodes::parse_nodes(*text, conf.peers_file);
  if (!list.problems.empty()) refuse(list.problems.front());
  std::ranges::move(list.nodes, std::back_inserter(peers));
  return peers;
}

using Addresses = std::vector<base::IpAddress>;

/// Selects from `all`, the host's addresses, those of link `parent`; all of them when `parent` is
/// empty.
Addresses unicast_addresses(net::Netlink& host, const std::vector<net::Address>& all,
                            const std::string& parent) {
  const auto link = parent.empty() ? std::nullopt : net::find_link(host, parent);
  if (!parent.empty() && !link)
    refuse("key \"parent\" must be a link of this node, not \"" + parent + "\"");
  Addresses addresses;
  for (const net::Address& each : all)
    if ((!link || each.index == link->index) && each.prefix.address.is_global_unicast())
      addresses.push_back(each.prefix.address);
  return addresses;
}

bool has(const Addresses& addresses, const base::IpAddress& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

/// The addresses by which this node finds its entry: the configured ones, those of the parent, or
/// all of the host.
Addresses list_candidates(net::Netlink& host, const std::vector<net::Address>& all,
                          const Conf& conf) {
  const Addresses present = unicast_addresses(host, all, conf.parent);
  for (const base::IpAddress& local : conf.local)
    if (!has(present, local))
      refuse("key \"localAddress\" must be an address of " +
             (conf.parent.empty() ? "this node" : "\"" + conf.parent + "\", the parent") +
             ", not \"" + local.text() + "\"");
  return conf.local.empty() ? present : conf.local;
}

bool has_one_of(const fabric::Node& node, const Addresses& candidates) {
  return std::ranges::any_of(
      node.addresses, [&](const base::IpAddress& address) { return has(candidates, address); });
}

/// Makes the node for a host that is not in the list: with the first address of each family.
fabric::Node make_node(const Addresses& candidates) {
  fabric::Node node{.name = candidates.front().text()};
  for (const base::IpAddress& address : candidates)
    if (!node.address_of(address.family())) node.addresses.push_back(address);
  return node;
}

fabric::Node find_self(const Conf& conf, const std::vector<fabric::Node>& peers,
                       const Addresses& candidates) {
  const auto listed = std::ranges::find_if(
      peers, [&](const fabric::Node& peer) { return has_one_of(peer, candidates); });
  const bool chosen = !conf.local.empty() || !conf.parent.empty();
  if (listed == peers.end() && !chosen)
    refuse("no peer has an address of this host: name it by localAddress or parent");
  if (listed == peers.end() && candidates.empty())
    refuse("key \"parent\" must be a link with an address, not \"" + conf.parent + "\"");
  fabric::Node self = listed == peers.end() ? make_node(candidates) : *listed;
  if (!conf.ranges.empty()) self.ranges = conf.ranges;
  if (self.ranges.empty() && conf.mode == Mode::l3)
    refuse("no range for the pods of this node: key \"ranges\", or its own entry among the peers");
  return self;
}

void refuse_conflicts(const Conf& conf, const Cluster& cluster) {
  std::vector<fabric::Node> all = cluster.peers;
  const auto entry = std::ranges::find(all, cluster.self.name, &fabric::Node::name);
  if (entry == all.end())
    all.push_back(cluster.self);
  else
    *entry = cluster.self;
  const auto conflicts = nodes::find_conflicts(all);
  if (!conflicts.empty()) refuse(conflicts.front(), std::to_string(conflicts.size()) + " in all");
  const auto& outer = conf.options.cluster_ranges;
  for (const fabric::Node& node : all)
    for (const base::Prefix& range : node.ranges) {
      const std::string which = "node \"" + node.name + "\": range " + range.text();
      if (!outer.empty() && !base::any_contains(outer, range))
        refuse(which +
               " is not part of the cluster's network (key \"clusterRanges\" or \"network\")");
      for (const base::Prefix& subnet : cluster.underlay.subnets)
        if (subnet.overlaps(range))
          refuse(which + " overlaps the nodes' own network " + subnet.text());
    }
}

/// An IPv4 range can have an IPv6 next hop, but not the other way round.
void refuse_unreachable(const Conf& conf, const fabric::Node& self) {
  if (conf.options.backend != fabric::Backend::host_gw || self.address_of(AF_INET6)) return;
  for (const base::Prefix& range : self.ranges)
    if (!range.address.is_v4())
      refuse("node \"" + self.name + "\": range " + range.text() +
             " needs an IPv6 address of the node with backend host-gw; vxlan and auto do without");
}

int underlay_family(const fabric::Node& self) {
  return self.address_of(AF_INET) ? AF_INET : AF_INET6;
}

/// One Ethernet segment: frames to an unknown MAC address go to every peer.
fabric::Desired plan_l2(const Conf& conf, const Cluster& cluster, int bridge) {
  fabric::Node self = cluster.self;
  std::vector<fabric::Node> peers = cluster.peers;
  self.ranges.clear();
  for (fabric::Node& peer : peers) peer.ranges.clear();
  fabric::Options options = conf.options;
  options.masquerade = false;
  fabric::Desired desired = fabric::plan(self, peers, options, cluster.underlay);
  for (fabric::Overlay& overlay : desired.overlays) {
    overlay.device.master = bridge;
    overlay.device.learning = true;
    for (const fabric::Node& peer : peers)
      if (const auto remote = peer.address_of(overlay.device.local.family());
          remote && peer.name != self.name)
        overlay.fdb.push_back({base::Mac{}, *remote});
  }
  // Pods of the one subnet are behind any node.
  if (desired.traffic) desired.traffic->tunnel_sources.clear();
  return desired;
}

}  // namespace

Cluster read_cluster(net::Netlink& host, const Conf& conf) {
  Cluster cluster;
  cluster.peers = read_peers(conf);
  cluster.addresses = net::list_addresses(host);
  const Addresses candidates = list_candidates(host, cluster.addresses, conf);
  cluster.self = find_self(conf, cluster.peers, candidates);
  const base::IpAddress local = *cluster.self.address_of(underlay_family(cluster.self));
  // The entry was found by its address of the other family.
  if (!has(candidates, local) && !has(unicast_addresses(host, cluster.addresses, {}), local))
    refuse("node \"" + cluster.self.name + "\": this host does not have its address " +
           local.text() + ", only its other address");
  cluster.underlay = fabric::find_underlay(host, local, cluster.addresses);
  if (const auto mtu = fabric::find_mtu_to(host, cluster.peers, local.family()))
    cluster.underlay.mtu = *mtu;
  refuse_conflicts(conf, cluster);
  refuse_unreachable(conf, cluster.self);
  return cluster;
}

int pod_mtu(const Conf& conf, const Cluster& cluster) {
  return fabric::pod_mtu(conf.options, cluster.underlay, underlay_family(cluster.self));
}

std::string scope_of(const std::string& network) {
  return network.size() <= kLongestScope ? network : firewall::network_hash(network);
}

fabric::Desired make_desired(const Conf& conf, const std::string& network, const Cluster& cluster,
                             int bridge) try {
  fabric::Desired desired = conf.mode == Mode::l2 ? plan_l2(conf, cluster, bridge)
                                                  : fabric::plan(cluster.self, cluster.peers,
                                                                 conf.options, cluster.underlay);
  desired.scope = scope_of(network);
  desired.scope_ranges = conf.options.cluster_ranges;
  for (const fabric::Node& peer : cluster.peers)
    desired.scope_ranges.insert(desired.scope_ranges.end(), peer.ranges.begin(), peer.ranges.end());
  desired.scope_ranges.insert(desired.scope_ranges.end(), cluster.self.ranges.begin(),
                              cluster.self.ranges.end());
  return desired;
} catch (const std::invalid_argument& error) {
  throw cni::Error(cni::Code::invalid_config, error.what());
}

}  // namespace vxlan
