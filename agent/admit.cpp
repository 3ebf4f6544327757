// SPDX-License-Identifier: Apache-2.0
#include "agent/admit.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

namespace agent {
namespace {

/// A longer list helps nobody, and a broken source can make one line for each of 5000 nodes.
constexpr std::size_t kMostProblems = 100;

std::string quoted(const std::string& name) {
  return '"' + name + '"';
}

/// What was given to whom.
class Claims {
 public:
  explicit Claims(const AdmitRules& rules) : rules_(rules) {}

  /// Why `node` cannot have all it wants; empty when it can.
  std::string problem_of(const fabric::Node& node) const {
    if (node.addresses.empty()) return "it has no address";
    for (const base::IpAddress& address : node.addresses)
      if (std::string why = problem_of(address); !why.empty()) return why;
    for (const base::Prefix& range : node.ranges)
      if (std::string why = problem_of(range); !why.empty()) return why;
    for (const auto& mac : macs_of(node))
      if (const auto owner = mac ? macs_.find(mac->number()) : macs_.end(); owner != macs_.end())
        return "its VXLAN MAC address " + mac->text() + " is that of node " +
               quoted(owner->second->name) + "; give one of them a mac";
    return {};
  }

  /// Why `node` cannot keep a range that it had before; empty when it can.
  std::string problem_of_former(const fabric::Node& node, const base::Prefix& range) const {
    const std::string its_range =
        "node " + quoted(node.name) + ": range " + range.text() + ", which it had before, ";
    const std::string end = " now: pods with addresses of it are cut off";
    for (auto at = ranges_.upper_bound(range.last());
         at != ranges_.begin() && (--at)->second.prefix.overlaps(range);)
      if (at->second.node != &node)
        return its_range + "overlaps " + at->second.prefix.text() + " of node " +
               quoted(at->second.node->name) + end;
    const auto address = addresses_.lower_bound(range.network().address);
    if (address != addresses_.end() && range.contains(address->first))
      return its_range + "covers the address " + address->first.text() + " of node " +
             quoted(address->second->name) + end;
    return {};
  }

  void give_former(const fabric::Node& node, const base::Prefix& range) {
    if (find_range(range) == nullptr) ranges_[range.address] = {range, &node};
  }

  void give(const fabric::Node& node) {
    for (const base::IpAddress& address : node.addresses) addresses_[address] = &node;
    for (const base::Prefix& range : node.ranges)
      ranges_[range.network().address] = {range.network(), &node};
    for (const auto& mac : macs_of(node))
      if (mac) macs_[mac->number()] = &node;
  }

 private:
  struct Range {
    base::Prefix prefix;
    const fabric::Node* node;
  };

  static std::array<std::optional<base::Mac>, 2> macs_of(const fabric::Node& node) {
    const auto mac_of = [&](int family, const std::optional<base::Mac>& told) {
      const auto address = node.address_of(family);
      return address && !told ? fabric::vtep_mac(*address) : address ? told : std::nullopt;
    };
    return {mac_of(AF_INET, node.mac), mac_of(AF_INET6, node.mac_v6)};
  }

  std::string problem_of(const base::IpAddress& address) const {
    if (!address.is_global_unicast())
      return "its address " + address.text() + " is not one of a host on a network";
    if (const auto owner = addresses_.find(address); owner != addresses_.end())
      return "its address " + address.text() + " is that of node " + quoted(owner->second->name);
    if (const Range* range = find_range(base::host_prefix(address)))
      return "its address " + address.text() + " lies in the range " + range->prefix.text() +
             " of node " + quoted(range->node->name);
    return {};
  }

  std::string problem_of(const base::Prefix& range) const {
    const auto its_range = [&] { return "its range " + range.text(); };
    const auto& cluster = rules_.cluster_ranges;
    if (!cluster.empty() && !base::any_contains(cluster, range))
      return its_range() + " lies outside the cluster network";
    for (const base::Prefix& subnet : rules_.node_subnets)
      if (subnet.overlaps(range))
        return its_range() + " overlaps the nodes' own network " + subnet.text();
    if (const Range* other = find_range(range))
      return its_range() + " overlaps " + other->prefix.text() + " of node " +
             quoted(other->node->name);
    const auto address = addresses_.lower_bound(range.network().address);
    if (address != addresses_.end() && range.contains(address->first))
      return its_range() + " covers the address " + address->first.text() + " of node " +
             quoted(address->second->name);
    return {};
  }

  /// Ranges that were given never overlap, so only the last one that begins before the end can.
  const Range* find_range(const base::Prefix& wanted) const {
    auto after = ranges_.upper_bound(wanted.last());
    if (after == ranges_.begin()) return nullptr;
    const Range& candidate = std::prev(after)->second;
    return candidate.prefix.overlaps(wanted) ? &candidate : nullptr;
  }

  const AdmitRules& rules_;
  std::map<base::IpAddress, const fabric::Node*> addresses_;
  std::map<base::IpAddress, Range> ranges_;
  std::unordered_map<std::uint64_t, const fabric::Node*> macs_;
};

/// 0: has nothing but what it was admitted with, 1: some of that, 2: nothing of it.
std::size_t seniority(const fabric::Node& node, const fabric::Node& before) {
  const auto had_address = [&](const base::IpAddress& address) {
    return std::ranges::find(before.addresses, address) != before.addresses.end();
  };
  const auto had_range = [&](const base::Prefix& range) {
    return std::ranges::find(before.ranges, range) != before.ranges.end();
  };
  const auto kept = std::ranges::count_if(node.addresses, had_address) +
                    std::ranges::count_if(node.ranges, had_range);
  const bool same_mac = node.mac == before.mac && node.mac_v6 == before.mac_v6;
  const auto all = std::ssize(node.addresses) + std::ssize(node.ranges);
  if (kept == all && same_mac) return 0;
  return kept > 0 ? 1 : 2;
}

/// Positions in `nodes`: who was there earlier first, then by name.
std::vector<std::size_t> order_of(std::span<const fabric::Node> nodes,
                                  std::span<const fabric::Node> earlier) {
  std::array<std::vector<std::size_t>, 3> ranks;
  auto before = earlier.begin();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    while (before != earlier.end() && before->name < nodes[i].name) ++before;
    const bool known = before != earlier.end() && before->name == nodes[i].name;
    ranks[known ? seniority(nodes[i], *before) : 2].push_back(i);
  }
  ranks[0].insert(ranks[0].end(), ranks[1].begin(), ranks[1].end());
  ranks[0].insert(ranks[0].end(), ranks[2].begin(), ranks[2].end());
  return std::move(ranks[0]);
}

/// Adds to the node's ranges what it may keep of its former ones.
void keep_former(fabric::Node& node, Claims& claims, std::vector<std::string>& problems) {
  for (const base::Prefix& given : node.former_ranges) {
    const base::Prefix range = given.network();
    if (std::ranges::find(node.ranges, range) != node.ranges.end()) continue;
    std::string problem = claims.problem_of_former(node, range);
    if (problem.empty()) {
      claims.give_former(node, range);
      node.ranges.push_back(range);
    } else if (problems.size() < kMostProblems) {
      problems.push_back(std::move(problem));
    }
  }
  node.former_ranges = {};
}

}  // namespace

Admission admit(std::vector<fabric::Node> nodes, std::span<const fabric::Node> earlier,
                const AdmitRules& rules) {
  Claims claims(rules);
  std::vector<bool> admitted(nodes.size(), false);
  Admission admission;
  std::size_t left_out = 0;
  const std::vector<std::size_t> order = order_of(nodes, earlier);
  for (const std::size_t i : order) {
    const bool twice =
        (i > 0 && admitted[i - 1] && nodes[i - 1].name == nodes[i].name) ||
        (i + 1 < nodes.size() && admitted[i + 1] && nodes[i + 1].name == nodes[i].name);
    const std::string problem = twice ? "another node has this name" : claims.problem_of(nodes[i]);
    admitted[i] = problem.empty();
    if (admitted[i])
      claims.give(nodes[i]);
    else if (++left_out <= kMostProblems)
      admission.problems.push_back("node " + quoted(nodes[i].name) + " is left out: " + problem);
  }
  for (const std::size_t i : order)
    if (admitted[i]) keep_former(nodes[i], claims, admission.problems);
  if (left_out > kMostProblems)
    admission.problems.push_back("and " + std::to_string(left_out - kMostProblems) +
                                 " more nodes are left out");
  std::size_t kept = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (admitted[i]) std::swap(nodes[kept++], nodes[i]);
  nodes.resize(kept);
  admission.nodes = std::move(nodes);
  return admission;
}

}  // namespace agent
