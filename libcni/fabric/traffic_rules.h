// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/fabric/traffic_sets.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// A rule and its text as nft writes it. The text also shows whether the kernel's rule is the
/// wanted one.
struct WantedRule {
  const char* chain;
  std::string text;
  std::function<nft::Rule&(nft::Rule&)> build;
};

/// The rules of all chains, each chain's in its order; `shapes` as for wanted_sets().
std::vector<WantedRule> wanted_rules(const Traffic& traffic, const std::set<TunnelShape>& shapes);

/// A chain; without a hook one that rules jump to.
struct WantedChain {
  const char* name;
  std::optional<nft::Hook> hook = {};
};

/// The chains that contain one of `rules`.
std::vector<WantedChain> wanted_chains(const std::vector<WantedRule>& rules);

/// The text of all `rules` and the version of their layout.
std::string print_rules(const std::vector<WantedRule>& rules);
/// Comments of `rules` in order; each carries a hash of print_rules().
std::vector<std::string> comments_of(const std::vector<WantedRule>& rules);
/// Returns whether `comment` has the form that comments_of() produces.
bool is_comment_of_ours(std::string_view comment);

}  // namespace fabric
