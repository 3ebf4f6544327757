// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/admit_rules.h"

#include <algorithm>
#include <bitset>
#include <tuple>
#include <utility>

namespace agent {
namespace {

bool is_unicast(const base::Mac& mac) {
  return !mac.is_zero() && (mac.bytes[0] & 1) == 0;
}

std::string problem_of_addresses(const fabric::Node& node) {
  if (node.addresses.empty()) return "it has no address";
  for (const base::IpAddress& address : node.addresses)
    if (!address.is_global_unicast())
      return "its address " + address.text() + " is not a unicast address of a host";
  if (node.addresses.size() > 2 ||
      (node.addresses.size() == 2 && node.addresses[0].is_v4() == node.addresses[1].is_v4()))
    return "it has more than one address of a family: " + node.addresses[0].text() + " and " +
           node.addresses[1].text();
  return {};
}

std::vector<int> lengths_in(const std::vector<Claim>& claims, bool v4) {
  std::bitset<129> found;
  for (const Claim& claim : claims)
    if (claim.prefix.address.is_v4() == v4)
      found.set(static_cast<std::size_t>(claim.prefix.length));
  std::vector<int> lengths;
  for (std::size_t length = 0; length < found.size(); ++length)
    if (found[length]) lengths.push_back(static_cast<int>(length));
  return lengths;
}

}  // namespace

std::string problem_of_range(const base::Prefix& range, const AdmitRules& rules) {
  const auto& cluster = rules.cluster_ranges;
  if (!cluster.empty() && !base::any_contains(cluster, range))
    return "lies outside the cluster network";
  if (cluster.empty() && (range.length == 0 || !range.network().address.is_global_unicast() ||
                          !range.last().is_global_unicast()))
    return "is not a range of unicast addresses";
  for (const base::Prefix& subnet : rules.node_subnets)
    if (subnet.overlaps(range)) return "overlaps the nodes' own network " + subnet.text();
  return {};
}

std::string rule_broken_by(const fabric::Node& node, const AdmitRules& rules) {
  if (std::string why = problem_of_addresses(node); !why.empty()) return why;
  for (const base::Prefix& range : node.ranges)
    if (const std::string why = problem_of_range(range, rules); !why.empty())
      return "its range " + range.text() + " " + why;
  for (const auto& mac : {node.mac, node.mac_v6})
    if (mac && !is_unicast(*mac))
      return "its VXLAN MAC address " + mac->text() + " is not a unicast address";
  return {};
}

void sort_claims(std::vector<Claim>& claims) {
  std::ranges::sort(claims, [](const Claim& a, const Claim& b) {
    return std::tie(a.prefix.address, a.prefix.length) <
           std::tie(b.prefix.address, b.prefix.length);
  });
}

ClaimIndex::ClaimIndex(std::vector<Claim> claims)
    : claims_(std::move(claims)),
      lengths_v4_(lengths_in(claims_, true)),
      lengths_v6_(lengths_in(claims_, false)) {
  sort_claims(claims_);
}

/// The first claim from `at` on that begins in `inside` and is another node's.
const Claim* ClaimIndex::find_from(std::vector<Claim>::const_iterator at,
                                   const base::Prefix& inside, std::size_t node) const {
  for (; at != claims_.end() && inside.contains(at->prefix.address); ++at)
    if (at->node != node) return &*at;
  return nullptr;
}

const Claim* ClaimIndex::find_other(const base::Prefix& prefix, std::size_t node) const {
  const base::IpAddress first = prefix.network().address;
  const auto begins = [](const Claim& claim) { return std::tie(claim.prefix.address); };
  const auto inner = std::ranges::lower_bound(claims_, std::tie(first), {}, begins);
  if (const Claim* found = find_from(inner, prefix, node)) return found;
  for (const int length : first.is_v4() ? lengths_v4_ : lengths_v6_) {
    if (length >= prefix.length) break;
    const base::Prefix outer{first.masked(length), length};
    const auto exact = [](const Claim& claim) {
      return std::tie(claim.prefix.address, claim.prefix.length);
    };
    auto at = std::ranges::lower_bound(claims_, std::tie(outer.address, outer.length), {}, exact);
    for (; at != claims_.end() && at->prefix == outer; ++at)
      if (at->node != node) return &*at;
  }
  return nullptr;
}

}  // namespace agent
