// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/plan/admit_rules.h"

namespace agent {

/// Appends to the ranges of the `admitted` nodes the former ranges that they may keep, and clears
/// their former ranges. A former range obeys the rules of ranges and lies inside the cluster's,
/// which must be known; it yields to every range and address of another node in `listed`, admitted
/// or not; one that two nodes claim is given to neither; a node has at most
/// fabric::kMostFormerRanges. This node keeps its own against former ranges of others, and outside
/// the cluster's ranges. Returns one line for each one refused. Does not depend on the order of
/// `listed`.
std::vector<std::string> admit_former(std::span<fabric::Node> listed,
                                      const std::vector<bool>& admitted, const AdmitRules& rules);

}  // namespace agent
