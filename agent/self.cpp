// SPDX-License-Identifier: Apache-2.0
#include "agent/self.h"

#include <algorithm>
#include <cerrno>

#include "libcni/base/sys_error.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace agent {
namespace {

/// Nothing is sent to them: the kernel is only asked where it would go.
constexpr std::string_view kFarV4 = "192.0.2.1";    // RFC 5737
constexpr std::string_view kFarV6 = "2001:db8::1";  // RFC 3849

int find_outward_link(net::Netlink& netlink) {
  for (const std::string_view far : {kFarV4, kFarV6})
    if (const auto link = net::find_output_link(netlink, *base::IpAddress::parse(far)))
      return *link;
  base::throw_errno(
      "find this node's address: no default route; set \"addresses\" or \"interface\"",
      ENETUNREACH);
}

const fabric::Node* find_node(const Snapshot& snapshot, const std::string& name) {
  const auto found = std::ranges::lower_bound(snapshot.nodes, name, {}, &fabric::Node::name);
  return found != snapshot.nodes.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

std::vector<base::IpAddress> find_own_addresses(net::Netlink& netlink, const std::string& parent) {
  const int index =
      parent.empty() ? find_outward_link(netlink) : net::get_link(netlink, parent).index;
  std::vector<base::IpAddress> found;
  for (const net::Address& candidate : net::list_addresses(netlink, index)) {
    const base::IpAddress& address = candidate.prefix.address;
    const bool known = std::ranges::any_of(
        found, [&](const auto& other) { return other.family() == address.family(); });
    if (address.is_global_unicast() && !known && !candidate.dad_failed) found.push_back(address);
  }
  return found;
}

bool needs_local_addresses(const Config& config, const Snapshot& snapshot) {
  if (!config.addresses.empty()) return false;
  // etcd only tells what this node published.
  if (!config.parent.empty() || config.source == Config::SourceKind::etcd) return true;
  const fabric::Node* told = find_node(snapshot, config.node_name);
  return told == nullptr || told->addresses.empty();
}

fabric::Node make_self(const Config& config, const Snapshot& snapshot,
                       const std::vector<base::IpAddress>& local) {
  const fabric::Node* told = find_node(snapshot, config.node_name);
  fabric::Node self = told != nullptr ? *told : fabric::Node{.name = config.node_name};
  if (needs_local_addresses(config, snapshot)) self.addresses = local;
  if (!config.addresses.empty()) self.addresses = config.addresses;
  if (!config.ranges.empty()) self.ranges = config.ranges;
  return self;
}

}  // namespace agent
