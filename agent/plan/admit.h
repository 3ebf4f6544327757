// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/plan/admit_rules.h"
#include "libcni/fabric/node.h"

namespace agent {

struct Admission {
  std::vector<fabric::Node> nodes = {};    ///< sorted by name; former ranges are among the ranges
  std::vector<std::string> problems = {};  ///< one line for each claim refused, naming both
};

/// Leaves out every node that would harm another: a node with a name, address, range or VXLAN MAC
/// that another node has, or that breaks the rules. This node gives nothing up for another. What
/// the control plane wrote outranks what a node wrote of itself: an own_word() address yields to
/// addresses and ranges of every listed node, and a published MAC to one that is made of address
/// and name. Among equals the node that the source had first stays. Then the node in conflict with
/// the most others is left out, then the one that claims more, then the one with the higher
/// address: names and their order do not matter, nor does what was admitted before unless
/// AdmitRules::before has it, so that all nodes come to one result. Former ranges come last: see
/// admit_former(). `nodes` are sorted by name. Pure.
Admission admit(std::vector<fabric::Node> nodes, const AdmitRules& rules);

}  // namespace agent
