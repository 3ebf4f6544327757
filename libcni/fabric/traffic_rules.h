// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// A rule and how a person would write it; the text also tells whether it is still the wanted one.
struct WantedRule {
  const char* chain;
  std::string text;
  std::function<nft::Rule&(nft::Rule&)> build;
};

/// The rules of all chains, each chain's in its order.
std::vector<WantedRule> wanted_rules(const Traffic& traffic);

/// A base chain.
struct WantedChain {
  const char* name;
  nft::Hook hook;
};

/// Those that have one of `rules`.
std::vector<WantedChain> wanted_chains(const std::vector<WantedRule>& rules);

/// All of `rules`, and the layout that this program gives them.
std::string print_rules(const std::vector<WantedRule>& rules);
/// Comments of `rules` in order; each carries a hash of print_rules().
std::vector<std::string> comments_of(const std::vector<WantedRule>& rules);
/// Whether comments_of() makes such, for whatever rules.
bool is_comment_of_ours(std::string_view comment);

}  // namespace fabric
