// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/admit.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "agent/plan/admit_former.h"
#include "libcni/json/object.h"

namespace agent {
namespace {

/// Limits the list of problems: a broken source can cause one for each of 5000 nodes.
constexpr std::size_t kMostProblems = 100;

std::string quoted(const std::string& name) {
  return json::quote(name);
}

std::array<std::optional<base::Mac>, 2> macs_of(const fabric::Node& node) {
  const auto mac_of = [&](int family, const std::optional<base::Mac>& published) {
    const auto address = node.address_of(family);
    return address && !published ? fabric::vtep_mac(*address) : address ? published : std::nullopt;
  };
  return {mac_of(AF_INET, node.mac), mac_of(AF_INET6, node.mac_v6)};
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

std::vector<std::size_t> positions(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

void add_claims(std::vector<Claim>& claims, const fabric::Node& node, std::size_t index) {
  for (const base::IpAddress& address : node.addresses)
    claims.push_back({base::host_prefix(address), index});
  for (const base::Prefix& range : node.ranges) claims.push_back({range.network(), index});
}

/// Returns whether each node can have all its claims, without the trees of Claims: these take four
/// times as long with 5000 nodes, and most lists have no conflict.
bool get_along(std::span<const fabric::Node> nodes, const AdmitRules& rules) {
  std::vector<Claim> claims;
  std::vector<std::pair<std::uint64_t, std::size_t>> macs;
  claims.reserve(2 * nodes.size());
  macs.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const fabric::Node& node = nodes[i];
    if ((i > 0 && nodes[i - 1].name == node.name) || !rule_broken_by(node, rules).empty())
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

/// MACs that follow from the address and the name, which no other node can have: a published one
/// is the node's own word. Of this node, all.
std::array<std::optional<base::Mac>, 2> firm_macs_of(const fabric::Node& node, bool is_self) {
  auto macs = macs_of(node);
  for (const auto& address : node.addresses) {
    auto& mac = macs[address.is_v4() ? 0 : 1];
    const bool made =
        mac == fabric::vtep_mac(address) || mac == fabric::vtep_mac(node.name, address);
    if (!is_self && (node.is_own_word(address) || !made)) mac.reset();
  }
  return macs;
}

std::string why_it_yields(std::span<const fabric::Node> nodes, std::size_t i,
                          const ClaimIndex& firm,
                          const std::unordered_map<std::uint64_t, std::size_t>& macs) {
  const fabric::Node& node = nodes[i];
  for (const base::IpAddress& address : node.addresses) {
    if (!node.is_own_word(address)) continue;
    if (const Claim* other = firm.find_other(base::host_prefix(address), i))
      return "its address " + address.text() + ", which only it has written, is in " +
             other->prefix.text() + " of node " + quoted(nodes[other->node].name);
  }
  const auto firm_macs = firm_macs_of(node, false);
  const auto all = macs_of(node);
  for (std::size_t family = 0; family < all.size(); ++family) {
    const auto owner =
        all[family] && !firm_macs[family] ? macs.find(all[family]->number()) : macs.end();
    if (owner != macs.end() && owner->second != i)
      return "its VXLAN MAC address " + all[family]->text() + " is that of node " +
             quoted(nodes[owner->second].name) + ", whose address it is made of";
  }
  return {};
}

/// Why a node yields to what the control plane says of others, for each node; empty where it does
/// not.
std::vector<std::string> find_yielding(std::span<const fabric::Node> nodes, const AdmitRules& rules,
                                       std::size_t self) {
  std::vector<Claim> firm;
  std::unordered_map<std::uint64_t, std::size_t> macs;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!rule_broken_by(nodes[i], rules).empty()) continue;
    for (const base::IpAddress& address : nodes[i].addresses)
      if (i == self || !nodes[i].is_own_word(address))
        firm.push_back({base::host_prefix(address), i});
    for (const base::Prefix& range : nodes[i].ranges) firm.push_back({range.network(), i});
    for (const auto& mac : firm_macs_of(nodes[i], i == self))
      if (mac) macs.emplace(mac->number(), i);
  }
  const ClaimIndex index(std::move(firm));
  std::vector<std::string> why(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (i != self) why[i] = why_it_yields(nodes, i, index, macs);
  return why;
}

/// Returns whether `before` has the node with all that it claims now.
bool was_admitted(const fabric::Node& node, std::span<const fabric::Node> before) {
  const auto known = std::ranges::lower_bound(before, node.name, {}, &fabric::Node::name);
  const auto has = [](const auto& all, const auto& some) {
    return std::ranges::all_of(
        some, [&](const auto& each) { return std::ranges::find(all, each) != all.end(); });
  };
  return known != before.end() && known->name == node.name &&
         has(known->addresses, node.addresses) && has(known->ranges, node.ranges);
}

/// Compares nodes that claim the same. The one that the source had first stays. The claim in
/// conflict with the most others loses, then the larger one (a /16 written for a /24), then the one
/// of the higher address. The name decides only when all of that is equal.
auto merit_of(const fabric::Node& node, std::size_t conflicts,
              std::span<const fabric::Node> before) {
  int host_bits = 0;
  std::vector<std::pair<base::IpAddress, int>> ranges;
  for (const base::Prefix& range : node.ranges) {
    host_bits = std::max(host_bits, range.address.bits() - range.length);
    ranges.emplace_back(range.network().address, range.length);
  }
  const std::int64_t since = node.since > 0               ? node.since
                             : was_admitted(node, before) ? 0
                                                          : INT64_MAX;
  return std::tuple(since, conflicts, host_bits, node.addresses, std::move(ranges), node.name);
}

/// Positions in `nodes` in the order in which rivals are admitted: this node first.
std::vector<std::size_t> order_of_rivals(std::span<const fabric::Node> nodes, std::size_t self,
                                         const std::vector<std::size_t>& conflicts,
                                         std::span<const fabric::Node> before) {
  std::vector<std::size_t> order = positions(nodes.size());
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    if ((a == self) != (b == self)) return a == self;
    return merit_of(nodes[a], conflicts[a], before) < merit_of(nodes[b], conflicts[b], before);
  });
  return order;
}

/// Goes through the nodes in one order and admits each whose claims are free.
class Round {
 public:
  Round(std::span<const fabric::Node> nodes, const AdmitRules& rules)
      : nodes_(nodes), claims_(rules), admitted_(nodes.size(), false) {}

  /// `refused`: why a node is left out whatever its rivals; empty where it is not.
  void run(const std::vector<std::size_t>& order, const std::vector<std::string>& refused) {
    std::size_t left_out = 0;
    for (const std::size_t i : order) {
      const std::string problem = !refused[i].empty() ? refused[i]
                                  : is_namesake(i)    ? "another node has this name"
                                                      : claims_.problem_of(nodes_[i]);
      admitted_[i] = problem.empty();
      if (admitted_[i])
        claims_.give(nodes_[i]);
      else if (++left_out <= kMostProblems)
        problems_.push_back("node " + quoted(nodes_[i].name) + " is left out: " + problem);
    }
    if (left_out > kMostProblems)
      problems_.push_back("and " + std::to_string(left_out - kMostProblems) +
                          " more nodes are left out");
  }
  bool has_problems() const { return !problems_.empty(); }
  const std::vector<bool>& admitted() const { return admitted_; }
  std::vector<std::string> take_problems() { return std::move(problems_); }

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
  std::vector<std::string> problems_;
};

Round admit_rivals(std::span<const fabric::Node> nodes, const AdmitRules& rules) {
  // Without a conflict every order has the same result, and the merits are not needed.
  Round round(nodes, rules);
  round.run(positions(nodes.size()), std::vector<std::string>(nodes.size()));
  if (!round.has_problems()) return round;
  const std::vector<std::size_t> conflicts = count_conflicts(nodes, rules);
  if (std::ranges::count(conflicts, 0U) == std::ssize(conflicts)) return round;
  const auto self = static_cast<std::size_t>(
      rules.self.empty()
          ? std::ssize(nodes)
          : std::ranges::find(nodes, rules.self, &fabric::Node::name) - nodes.begin());
  Round second(nodes, rules);
  second.run(order_of_rivals(nodes, self, conflicts, rules.before),
             find_yielding(nodes, rules, self));
  return second;
}

void keep_admitted(std::vector<fabric::Node>& nodes, const std::vector<bool>& admitted) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (admitted[i]) std::swap(nodes[kept++], nodes[i]);
  nodes.resize(kept);
}

}  // namespace

Admission admit(std::vector<fabric::Node> nodes, const AdmitRules& rules) {
  if (get_along(nodes, rules)) {
    auto problems = admit_former(nodes, std::vector<bool>(nodes.size(), true), rules);
    return {.nodes = std::move(nodes), .problems = std::move(problems)};
  }
  Round round = admit_rivals(nodes, rules);
  Admission admission{.problems = round.take_problems()};
  std::ranges::move(admit_former(nodes, round.admitted(), rules),
                    std::back_inserter(admission.problems));
  keep_admitted(nodes, round.admitted());
  admission.nodes = std::move(nodes);
  return admission;
}

}  // namespace agent
