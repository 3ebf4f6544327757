// SPDX-License-Identifier: Apache-2.0
#pragma once

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
};

struct Admission {
  std::vector<fabric::Node> nodes = {};    ///< sorted by name; former ranges are among the ranges
  std::vector<std::string> problems = {};  ///< one line for each node left out, naming both
};

/// Leaves out every node that would harm another: a node with a name, address, range or VXLAN MAC
/// that another node has, or that breaks the rules. This node gives nothing up for another. A node
/// that was admitted `earlier` with the same claims keeps them. Among the rest, the node in
/// conflict with the most others is left out, then the one that claims more, then the one with the
/// higher address: names and their order do not matter. Former ranges come last: a node that claims
/// a range as its current one gets it, whoever had it before. `nodes` and `earlier` are sorted by
/// name. Pure.
Admission admit(std::vector<fabric::Node> nodes, std::span<const fabric::Node> earlier,
                const AdmitRules& rules);

}  // namespace agent
