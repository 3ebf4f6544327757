// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/drivers/bird/configuration.h"
#include "agent/source/snapshot.h"

namespace agent::bird {

/// The prefixes of a family, masked.
std::vector<base::Prefix> of_family(const std::vector<base::Prefix>& ranges, int family);

/// Filters::claimed: the ranges of all nodes of `cluster`, where a node other than `self` has none
/// of the family.
std::optional<std::vector<base::Prefix>> find_claimed(const Snapshot& cluster,
                                                      const std::string& self, int family);

/// Adds to Filters::clients the nodes that connect to a reflector from an address in `subnets`,
/// with the ranges of the family of `filters` that they may announce.
void add_clients(Filters& filters, std::span<const fabric::Node* const> nodes,
                 std::span<const base::Prefix> subnets);

}  // namespace agent::bird
