// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// Returns whether FORWARD of iptables' nf_tables variant has the accept rules that
/// ensure_forward_rules() makes for `desired`, in both families; a chain that does not exist needs
/// none. Throws std::system_error when it cannot be read.
bool has_forward_rules(nft::Nft& nft, const Desired& desired);
/// The same for the legacy variant of iptables.
bool has_legacy_forward_rules(const Desired& desired);

/// A chain of nf_tables that drops forwarded packets of pods although this suite's own chain
/// accepts them: an accept verdict ends one base chain only.
struct ForwardDrop {
  nft::Table table = {nft::Family::inet, {}};
  std::string chain = {};
  std::vector<base::Prefix> ranges = {};  ///< of pods
};

/// Lists the chains that drop whatever their rules do not accept, each with all pod ranges that go
/// through it, also ranges that its rules accept. Leaves out FORWARD of iptables, where plumbd has
/// rules of its own. Throws std::system_error when nf_tables cannot be read.
std::vector<ForwardDrop> list_forward_guards(nft::Nft& nft, const std::optional<Traffic>& traffic);

/// Finds the chains that drop packets of pods, each with the ranges that no known rule accepts
/// (list_dropping_forward_chains() says which rules are known). Finds none without `traffic`.
/// Throws std::system_error when nf_tables cannot be read.
std::vector<ForwardDrop> find_forward_drops(nft::Nft& nft, const std::optional<Traffic>& traffic);

}  // namespace fabric
