// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/imports.h"

#include <sys/socket.h>

namespace agent::bird {
namespace {

/// A session over IPv4 carries IPv4 routes only.
bool carries(const base::IpAddress& address, int family) {
  return family == AF_INET || !address.is_v4();
}

}  // namespace

std::vector<base::Prefix> of_family(const std::vector<base::Prefix>& ranges, int family) {
  std::vector<base::Prefix> out;
  for (const base::Prefix& range : ranges)
    if (range.address.family() == family) out.push_back(range.network());
  return out;
}

std::optional<std::vector<base::Prefix>> find_claimed(const Snapshot& cluster,
                                                      const std::string& self, int family) {
  std::vector<base::Prefix> claimed;
  bool is_needed = false;
  for (const fabric::Node& node : cluster.nodes) {
    const std::vector<base::Prefix> ranges = of_family(node.ranges, family);
    is_needed = is_needed || (ranges.empty() && node.name != self);
    claimed.insert(claimed.end(), ranges.begin(), ranges.end());
  }
  if (!is_needed) return std::nullopt;
  return claimed;
}

void add_clients(Filters& filters, std::span<const fabric::Node* const> nodes,
                 std::span<const base::Prefix> subnets) {
  for (const fabric::Node* node : nodes)
    for (const base::IpAddress& address : node->addresses)
      if (base::any_contains(subnets, address) && carries(address, filters.family))
        filters.clients.push_back({address, of_family(node->ranges, filters.family)});
}

}  // namespace agent::bird
