// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/self.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

#include "libcni/base/sys_error.h"
#include "libcni/fabric/ways.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace agent {
namespace {

/// The order in which addresses are preferred: less is better.
struct Merit {
  bool deprecated, secondary, beside_gateway, alone;
  base::IpAddress address;
  auto operator<=>(const Merit&) const = default;
};

Merit merit_of(const net::Address& candidate, const std::vector<net::Route>& ways) {
  const base::Prefix& prefix = candidate.prefix;
  const auto leads_by = [&](const net::Route& route) {
    return route.oif == candidate.index && route.gateway && prefix.contains(*route.gateway);
  };
  return {.deprecated = candidate.deprecated,
          .secondary = candidate.secondary,
          .beside_gateway = std::ranges::none_of(ways, leads_by),
          .alone = prefix.length == prefix.address.bits(),
          .address = prefix.address};
}

bool is_usable(const net::Address& candidate) {
  return candidate.prefix.address.is_global_unicast() && !candidate.dad_failed;
}

/// The default routes of each family, read at the first use.
class Ways {
 public:
  explicit Ways(net::Netlink& netlink) : netlink_(netlink) {}
  const std::vector<net::Route>& of(int family) {
    auto& routes = family == AF_INET ? v4_ : v6_;
    if (!routes) routes = fabric::list_default_routes(netlink_, family);
    return *routes;
  }

 private:
  net::Netlink& netlink_;
  std::optional<std::vector<net::Route>> v4_, v6_;
};

int find_outward_link(net::Netlink& netlink, Ways& ways, const std::vector<net::Address>& all,
                      std::span<const fabric::Node> peers) {
  const auto has_address = [&](int index) {
    return std::ranges::any_of(
        all, [&](const net::Address& each) { return each.index == index && is_usable(each); });
  };
  for (const int family : {AF_INET, AF_INET6})
    for (const net::Route& route : ways.of(family))
      if (has_address(route.oif)) return route.oif;
  // Without a default route: the link to most other nodes.
  int best = 0;
  std::size_t most = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const auto& [index, way] : fabric::find_ways(netlink, peers, family))
      if (way.networks > most && has_address(index)) {
        best = index;
        most = way.networks;
      }
    if (most > 0) return best;
  }
  base::throw_errno(
      "find this node's address: no link with an address has a default route or a route to another "
      "node; set \"addresses\" or \"interface\"",
      ENETUNREACH);
}

const fabric::Node* find_node(const Snapshot& snapshot, const std::string& name) {
  const auto found = std::ranges::lower_bound(snapshot.nodes, name, {}, &fabric::Node::name);
  return found != snapshot.nodes.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

std::vector<base::IpAddress> find_own_addresses(net::Netlink& netlink, const std::string& parent,
                                                std::span<const fabric::Node> peers) {
  const std::vector<net::Address> all = net::list_addresses(netlink);
  Ways ways(netlink);
  const int index = parent.empty() ? find_outward_link(netlink, ways, all, peers)
                                   : net::get_link(netlink, parent).index;
  std::vector<base::IpAddress> found;
  for (const int family : {AF_INET, AF_INET6}) {
    std::vector<net::Address> candidates;
    std::ranges::copy_if(all, std::back_inserter(candidates), [&](const net::Address& each) {
      return each.index == index && each.prefix.address.family() == family && is_usable(each);
    });
    if (candidates.empty()) continue;
    const auto merit = [&](const net::Address& each) {
      return merit_of(each, candidates.size() > 1 ? ways.of(family) : std::vector<net::Route>{});
    };
    found.push_back(std::ranges::min(candidates, {}, merit).prefix.address);
  }
  return found;
}

void choose_macs(fabric::Node& self, const std::vector<fabric::Node>& nodes) {
  for (const int family : {AF_INET, AF_INET6}) {
    const auto member = family == AF_INET ? &fabric::Node::mac : &fabric::Node::mac_v6;
    const auto address = self.address_of(family);
    if (!address) continue;
    const auto has_it = [&](const fabric::Node& other) {
      const auto theirs = other.address_of(family);
      if (other.name == self.name || !theirs) return false;
      if (other.*member) return other.*member == self.*member;
      return theirs->is_v4() && fabric::vtep_mac(*theirs) == self.*member;
    };
    if (!(self.*member) || std::ranges::any_of(nodes, has_it))
      self.*member = fabric::vtep_mac(self.name, *address);
  }
}

void take_macs_of_flannel(net::Netlink& netlink, std::uint32_t vni, fabric::Node& self) {
  const auto take = [&](const char* stem, std::optional<base::Mac>& mac) {
    const auto link = net::find_link(netlink, stem + std::to_string(vni));
    if (link && link->kind == "vxlan" && !link->alias.starts_with("plumb:") && link->mac)
      mac = link->mac;
  };
  take("flannel.", self.mac);
  take("flannel-v6.", self.mac_v6);
}

bool needs_local_addresses(const Config& config, const Snapshot& snapshot) {
  if (!config.addresses.empty()) return false;
  // etcd only has what this node published.
  if (!config.parent.empty() || config.source == Config::SourceKind::etcd) return true;
  const fabric::Node* listed = find_node(snapshot, config.node_name);
  return listed == nullptr || listed->addresses.empty();
}

fabric::Node make_self(const Config& config, const Snapshot& snapshot,
                       const std::vector<base::IpAddress>& local) {
  const fabric::Node* listed = find_node(snapshot, config.node_name);
  fabric::Node self = listed != nullptr ? *listed : fabric::Node{.name = config.node_name};
  if (needs_local_addresses(config, snapshot)) self.addresses = local;
  if (!config.addresses.empty()) self.addresses = config.addresses;
  if (!config.ranges.empty()) self.ranges = config.ranges;
  return self;
}

}  // namespace agent
