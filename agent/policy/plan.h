// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/policy/objects.h"
#include "agent/policy/table.h"

namespace agent::policy {

/// This node.
struct Place {
  std::string node;
  std::vector<base::Prefix> ranges = {};  ///< of its pods; an address without a pod is closed
};

/// The table that enforces the policies for the pods of one node. Only policies that select local
/// pods are in it. Pure; the same for every order of the objects.
PolicyTable make_table(const Objects& objects, const Place& place);

/// The addresses of `block` without `exceptions`, sorted, in as few ranges as possible.
std::vector<AddressRange> cut_out(const base::Prefix& block,
                                  const std::vector<base::Prefix>& exceptions);

}  // namespace agent::policy
