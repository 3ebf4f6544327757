// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "libcni/fabric/node.h"

namespace agent {

/// What a node must fit into.
struct AdmitRules {
  std::vector<base::Prefix> cluster_ranges = {};  ///< pods' ranges lie inside; empty: anywhere
  std::vector<base::Prefix> node_subnets = {};    ///< pods' ranges lie outside
};

struct Admission {
  std::vector<fabric::Node> nodes = {};    ///< sorted by name; former ranges are among the ranges
  std::vector<std::string> problems = {};  ///< one line for each node left out, naming both
};

/// Leaves out every node that would harm another: one with a name, address, range or VXLAN MAC that
/// somebody else has, or that breaks the rules. Who was admitted `earlier` with the same claims
/// keeps them; then the order of the names decides, so that every node of the cluster decides
/// alike. Former ranges come last: who claims one now has it, whatever was earlier. `nodes` and
/// `earlier` are sorted by name. Pure.
Admission admit(std::vector<fabric::Node> nodes, std::span<const fabric::Node> earlier,
                const AdmitRules& rules);

}  // namespace agent
