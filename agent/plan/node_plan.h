// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/snapshot.h"
#include "libcni/fabric/desired.h"
#include "libcni/nodes/node_file.h"

namespace agent {

/// The input of a plan.
struct State {
  fabric::Node self;
  std::vector<base::Prefix> former = {};  ///< ranges of it that are not for new pods
  Snapshot cluster = {};                  ///< the nodes admitted, `self` among them
  fabric::Underlay underlay = {};
  fabric::Options options = {};  ///< the configuration's; where it has none, the source's
  bool stale = false;            ///< from the cache: the source cannot be reached
  bool operator==(const State&) const = default;
};

/// The kernel objects and files that this node should have.
struct NodePlan {
  fabric::Desired kernel = {};
  nodes::NodeFile file = {};  ///< node.json and subnet.env
};

/// The family of the network between the nodes, as fabric::plan() chooses it.
int underlay_family(const fabric::Options& options, const fabric::Node& self);

/// Pure: the same state gives the same plan. Throws std::invalid_argument as fabric::plan() does.
NodePlan make_plan(const State& state);

/// The plan as JSON for people and tests (`plumbd plan`).
std::string print_plan(const NodePlan& plan);

}  // namespace agent
