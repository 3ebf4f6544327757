// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/policy/table.h"
#include "libcni/nft/batch.h"

namespace agent {

/// Parts of a policy table as nf_tables has them. Pure.
nft::Table policy_table();
nft::Set wire_of(const policy::TableSet& set);
/// The elements, sorted by key; a range has two, but for one that ends the address space.
std::vector<nft::Element> elements_of(const policy::TableSet& set);
nft::Rule wire_of(const policy::TableRule& rule);

/// Adds to `batch` what makes `before` into `after`, which are both whole tables: new sets and
/// chains first, then the maps that lead to them, then removals. Sets and chains of one name have
/// the same meaning in both, except for the elements, and for the rules of base chains.
void add_difference(nft::Batch& batch, const policy::PolicyTable& before,
                    const policy::PolicyTable& after);
/// Adds to `batch` what replaces the whole table by `table`.
void add_replacement(nft::Batch& batch, const policy::PolicyTable& table);

}  // namespace agent
