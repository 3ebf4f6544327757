// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// Whether FORWARD of iptables' nf_tables variant has the accepts that ensure_forward_rules() makes
/// for `desired`, in both families; a chain that does not exist needs none. Throws
/// std::system_error when it cannot be read.
bool has_forward_rules(nft::Nft& nft, const Desired& desired);
/// The same of its legacy variant.
bool has_legacy_forward_rules(const Desired& desired);

/// A chain of nf_tables that drops forwarded packets of pods, whatever this suite accepts in its
/// own: an accept ends the way through one base chain only.
struct ForwardDrop {
  nft::Table table = {nft::Family::inet, {}};
  std::string chain = {};
  std::vector<base::Prefix> ranges = {};  ///< of pods
};

/// Chains that drop whatever their rules do not accept, each with all of the pods' ranges that go
/// through it, also where its rules accept them. Without FORWARD of iptables, where plumbd has
/// rules of its own. Throws std::system_error when nf_tables cannot be read.
std::vector<ForwardDrop> list_forward_guards(nft::Nft& nft, const std::optional<Traffic>& traffic);

/// Those that drop, each with the ranges that no rule is seen to accept
/// (list_dropping_forward_chains() says which rules are seen). None without `traffic`. Throws
/// std::system_error when nf_tables cannot be read.
std::vector<ForwardDrop> find_forward_drops(nft::Nft& nft, const std::optional<Traffic>& traffic);

}  // namespace fabric
