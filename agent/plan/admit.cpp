// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/admit.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace agent {
namespace {

/// Limits the list of problems: a broken source can cause one for each of 5000 nodes.
constexpr std::size_t kMostProblems = 100;

std::string quoted(const std::string& name) {
  return '"' + name + '"';
}

std::array<std::optional<base::Mac>, 2> macs_of(const fabric::Node& node) {
  const auto mac_of = [&](int family, const std::optional<base::Mac>& published) {
    const auto address = node.address_of(family);
    return address && !published ? fabric::vtep_mac(*address) : address ? published : std::nullopt;
  };
  return {mac_of(AF_INET, node.mac), mac_of(AF_INET6, node.mac_v6)};
}

/// The rule that `node` breaks regardless of other nodes; empty when it breaks none.
std::string rule_broken_by(const fabric::Node& node, const AdmitRules& rules) {
  if (node.addresses.empty()) return "it has no address";
  for (const base::IpAddress& address : node.addresses)
    if (!address.is_global_unicast())
      return "its address " + address.text() + " is not a unicast address of a host";
  const auto& cluster = rules.cluster_ranges;
  for (const base::Prefix& range : node.ranges) {
    if (!cluster.empty() && !base::any_contains(cluster, range))
      return "its range " + range.text() + " lies outside the cluster network";
    for (const base::Prefix& subnet : rules.node_subnets)
      if (subnet.overlaps(range))
        return "its range " + range.text() + " overlaps the nodes' own network " + subnet.text();
  }
  return {};
}

/// The addresses, ranges and MACs that admitted nodes have.
class Claims {
 public:
  explicit Claims(const AdmitRules& rules) : rules_(rules) {}

  /// Why `node` cannot have its addresses, ranges and MACs; empty when it can.
  std::string problem_of(const fabric::Node& node) const {
    if (std::string why = rule_broken_by(node, rules_); !why.empty()) return why;
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
      if (!is_inside_another(range, node.ranges))
        ranges_[range.network().address] = {range.network(), &node};
    for (const auto& mac : macs_of(node))
      if (mac) macs_[mac->number()] = &node;
  }

 private:
  struct Range {
    base::Prefix prefix;
    const fabric::Node* node;
  };

  std::string problem_of(const base::IpAddress& address) const {
    if (const auto owner = addresses_.find(address); owner != addresses_.end())
      return "its address " + address.text() + " is that of node " + quoted(owner->second->name);
    if (const Range* range = find_range(base::host_prefix(address)))
      return "its address " + address.text() + " lies in the range " + range->prefix.text() +
             " of node " + quoted(range->node->name);
    return {};
  }

  std::string problem_of(const base::Prefix& range) const {
    const auto its_range = [&] { return "its range " + range.text(); };
    if (const Range* other = find_range(range))
      return its_range() + " overlaps " + other->prefix.text() + " of node " +
             quoted(other->node->name);
    const auto address = addresses_.lower_bound(range.network().address);
    if (address != addresses_.end() && range.contains(address->first))
      return its_range() + " covers the address " + address->first.text() + " of node " +
             quoted(address->second->name);
    return {};
  }

  static bool is_inside_another(const base::Prefix& range, std::span<const base::Prefix> ranges) {
    return std::ranges::any_of(ranges, [&](const base::Prefix& other) {
      return other.length < range.length && other.contains(range.address);
    });
  }

  /// Ranges in the map never overlap, so only the last one that begins before the end can.
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

/// 0: all claims are those of the earlier admission, 1: some are, 2: none is.
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

/// Precedence of each node: 0 this node (the first of its name), then by seniority.
std::vector<int> ranks_of(std::span<const fabric::Node> nodes,
                          std::span<const fabric::Node> earlier, const std::string& self) {
  std::vector<int> ranks;
  ranks.reserve(nodes.size());
  auto before = earlier.begin();
  bool found_self = self.empty();
  for (const fabric::Node& node : nodes) {
    while (before != earlier.end() && before->name < node.name) ++before;
    const bool known = before != earlier.end() && before->name == node.name;
    const bool own = !found_self && node.name == self;
    found_self = found_self || own;
    ranks.push_back(own ? 0 : 1 + static_cast<int>(known ? seniority(node, *before) : 2));
  }
  return ranks;
}

std::vector<std::size_t> positions(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// An address or a range, and the node that claims it.
struct Claim {
  base::Prefix prefix;
  std::size_t node;
};

void add_claims(std::vector<Claim>& claims, const fabric::Node& node, std::size_t index) {
  for (const base::IpAddress& address : node.addresses)
    claims.push_back({base::host_prefix(address), index});
  for (const base::Prefix& range : node.ranges) claims.push_back({range.network(), index});
}

/// Two prefixes are nested or disjoint: in this order each one follows the one that contains it.
void sort_claims(std::vector<Claim>& claims) {
  std::ranges::sort(claims, [](const Claim& a, const Claim& b) {
    return std::tie(a.prefix.address, a.prefix.length) <
           std::tie(b.prefix.address, b.prefix.length);
  });
}

/// Returns whether each node can have all its claims, without the trees of Claims: these take four
/// times as long with 5000 nodes, and most lists have no conflict. Returns false for former ranges,
/// which need a Round.
bool get_along(std::span<const fabric::Node> nodes, const AdmitRules& rules) {
  std::vector<Claim> claims;
  std::vector<std::pair<std::uint64_t, std::size_t>> macs;
  claims.reserve(2 * nodes.size());
  macs.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const fabric::Node& node = nodes[i];
    if (!node.former_ranges.empty() || (i > 0 && nodes[i - 1].name == node.name) ||
        !rule_broken_by(node, rules).empty())
      return false;
    add_claims(claims, node, i);
    for (const auto& mac : macs_of(node))
      if (mac) macs.emplace_back(mac->number(), i);
  }
  sort_claims(claims);
  const Claim* outer = nullptr;
  for (const Claim& claim : claims) {
    if (outer == nullptr || !outer->prefix.contains(claim.prefix.address))
      outer = &claim;
    else if (outer->node != claim.node)
      return false;
  }
  std::ranges::sort(macs);
  return std::ranges::adjacent_find(macs, [](const auto& a, const auto& b) {
           return a.first == b.first && a.second != b.second;
         }) == macs.end();
}

/// The number of other nodes' claims that conflict with the claims of each node. A node that breaks
/// a rule is left out anyway and does not count.
std::vector<std::size_t> count_conflicts(std::span<const fabric::Node> nodes,
                                         const AdmitRules& rules) {
  std::vector<Claim> claims;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> macs;
  std::unordered_map<std::string_view, std::size_t> names;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!rule_broken_by(nodes[i], rules).empty()) continue;
    ++names[nodes[i].name];
    add_claims(claims, nodes[i], i);
    for (const auto& mac : macs_of(nodes[i]))
      if (mac) macs[mac->number()].push_back(i);
  }
  sort_claims(claims);
  std::vector<std::size_t> conflicts(nodes.size(), 0);
  std::vector<const Claim*> around;
  for (const Claim& claim : claims) {
    while (!around.empty() && !around.back()->prefix.overlaps(claim.prefix)) around.pop_back();
    for (const Claim* outer : around)
      if (outer->node != claim.node) {
        ++conflicts[outer->node];
        ++conflicts[claim.node];
      }
    around.push_back(&claim);
  }
  for (const auto& [mac, owners] : macs)
    for (const std::size_t owner : owners) conflicts[owner] += owners.size() - 1;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (const std::size_t namesakes = names[nodes[i].name]; namesakes > 1)
      conflicts[i] += namesakes - 1;
  return conflicts;
}

/// Compares nodes of one rank that claim the same. The claim in conflict with the most others
/// loses, then the larger one (a /16 written for a /24), then the one of the higher address. The
/// name decides only when all of that is equal.
auto merit_of(const fabric::Node& node, std::size_t conflicts) {
  int host_bits = 0;
  std::vector<std::pair<base::IpAddress, int>> ranges;
  for (const base::Prefix& range : node.ranges) {
    host_bits = std::max(host_bits, range.address.bits() - range.length);
    ranges.emplace_back(range.network().address, range.length);
  }
  return std::tuple(conflicts, host_bits, node.addresses, std::move(ranges), node.name);
}

/// Positions in `nodes` in the order in which rivals are admitted.
std::vector<std::size_t> order_of_rivals(std::span<const fabric::Node> nodes,
                                         const std::vector<int>& ranks,
                                         const std::vector<std::size_t>& conflicts) {
  std::vector<std::size_t> order = positions(nodes.size());
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    if (ranks[a] != ranks[b]) return ranks[a] < ranks[b];
    return merit_of(nodes[a], conflicts[a]) < merit_of(nodes[b], conflicts[b]);
  });
  return order;
}

/// The ranges of `node`, and the former ones that it may keep.
std::vector<base::Prefix> ranges_with_former(const fabric::Node& node, Claims& claims,
                                             std::vector<std::string>& problems) {
  std::vector<base::Prefix> ranges = node.ranges;
  for (const base::Prefix& given : node.former_ranges) {
    const base::Prefix range = given.network();
    if (std::ranges::find(ranges, range) != ranges.end()) continue;
    std::string problem = claims.problem_of_former(node, range);
    if (problem.empty()) {
      claims.give_former(node, range);
      ranges.push_back(range);
    } else if (problems.size() < kMostProblems) {
      problems.push_back(std::move(problem));
    }
  }
  return ranges;
}

/// Goes through the nodes in one order and admits each whose claims are free.
class Round {
 public:
  Round(std::span<const fabric::Node> nodes, const AdmitRules& rules)
      : nodes_(nodes), claims_(rules), admitted_(nodes.size(), false) {}

  void run(const std::vector<std::size_t>& order) {
    std::size_t left_out = 0;
    for (const std::size_t i : order) {
      const std::string problem =
          is_namesake(i) ? "another node has this name" : claims_.problem_of(nodes_[i]);
      admitted_[i] = problem.empty();
      if (admitted_[i])
        claims_.give(nodes_[i]);
      else if (++left_out <= kMostProblems)
        problems_.push_back("node " + quoted(nodes_[i].name) + " is left out: " + problem);
    }
    const std::size_t of_nodes = problems_.size();
    for (const std::size_t i : order)
      if (admitted_[i] && !nodes_[i].former_ranges.empty())
        ranges_.emplace_back(i, ranges_with_former(nodes_[i], claims_, problems_));
    former_problems_ = problems_.size() > of_nodes;
    if (left_out > kMostProblems)
      problems_.push_back("and " + std::to_string(left_out - kMostProblems) +
                          " more nodes are left out");
  }
  bool has_problems() const { return !problems_.empty(); }
  bool has_former_problems() const { return former_problems_; }

  /// `nodes` must be the nodes of the constructor.
  Admission finish(std::vector<fabric::Node> nodes) {
    for (auto& [i, ranges] : ranges_) {
      nodes[i].ranges = std::move(ranges);
      nodes[i].former_ranges = {};
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (admitted_[i]) std::swap(nodes[kept++], nodes[i]);
    nodes.resize(kept);
    return {.nodes = std::move(nodes), .problems = std::move(problems_)};
  }

 private:
  /// Returns whether another node of this name is admitted; they are neighbours in the list.
  bool is_namesake(std::size_t i) const {
    for (std::size_t at = i; at-- > 0 && nodes_[at].name == nodes_[i].name;)
      if (admitted_[at]) return true;
    for (std::size_t at = i + 1; at < nodes_.size() && nodes_[at].name == nodes_[i].name; ++at)
      if (admitted_[at]) return true;
    return false;
  }

  std::span<const fabric::Node> nodes_;
  Claims claims_;
  std::vector<bool> admitted_;
  std::vector<std::pair<std::size_t, std::vector<base::Prefix>>> ranges_;
  std::vector<std::string> problems_;
  bool former_problems_ = false;
};

}  // namespace

Admission admit(std::vector<fabric::Node> nodes, std::span<const fabric::Node> earlier,
                const AdmitRules& rules) {
  if (get_along(nodes, rules)) return {.nodes = std::move(nodes)};
  const std::vector<int> ranks = ranks_of(nodes, earlier, rules.self);
  std::optional<Round> round(std::in_place, nodes, rules);
  // Without a conflict every order has the same result, and the merits are not needed.
  round->run(positions(nodes.size()));
  if (round->has_problems()) {
    const std::vector<std::size_t> conflicts = count_conflicts(nodes, rules);
    if (round->has_former_problems() ||
        std::ranges::any_of(conflicts, [](std::size_t count) { return count > 0; }))
      round.emplace(nodes, rules).run(order_of_rivals(nodes, ranks, conflicts));
  }
  return round->finish(std::move(nodes));
}

}  // namespace agent
