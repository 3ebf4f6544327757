// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "libcni/fabric/node.h"

namespace agent {

/// The ranges and subnets that a node is checked against.
struct AdmitRules {
  std::vector<base::Prefix> cluster_ranges = {};  ///< pods' ranges lie inside; empty: anywhere
  std::vector<base::Prefix> node_subnets = {};    ///< pods' ranges lie outside
  std::string self = {};  ///< this node's name (the first node that has it); empty: not in the list
  /// Admitted earlier, sorted by name: they count as older than all nodes without an age.
  std::span<const fabric::Node> before = {};
};

/// The rule that `range` breaks regardless of other nodes, such as `lies outside the cluster
/// network`; empty when it breaks none.
std::string problem_of_range(const base::Prefix& range, const AdmitRules& rules);

/// The rule that the name, addresses, ranges or MACs of `node` break regardless of other nodes;
/// empty when they break none.
std::string rule_broken_by(const fabric::Node& node, const AdmitRules& rules);

/// An address or a range, and the node that claims it.
struct Claim {
  base::Prefix prefix;
  std::size_t node;
};

/// Two prefixes are nested or disjoint: in this order each one follows the one that contains it.
void sort_claims(std::vector<Claim>& claims);

/// Claims that can be searched for those that overlap a prefix.
class ClaimIndex {
 public:
  explicit ClaimIndex(std::vector<Claim> claims);
  /// A claim of another node than `node` that overlaps `prefix`; null when there is none.
  const Claim* find_other(const base::Prefix& prefix, std::size_t node) const;

 private:
  const Claim* find_from(std::vector<Claim>::const_iterator at, const base::Prefix& inside,
                         std::size_t node) const;
  std::vector<Claim> claims_;
  std::vector<int> lengths_v4_, lengths_v6_;  ///< those that occur
};

}  // namespace agent
