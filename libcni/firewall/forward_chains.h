// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/nft/nft.h"

namespace firewall {

/// A base chain on the forward hook that drops what its rules do not accept: by its policy, or by a
/// last rule for everything.
struct DroppingChain {
  nft::Table table = {nft::Family::inet, {}};
  std::string name = {};
  /// Ranges that a rule before that accepts, whatever else is in the packet, as its source or its
  /// destination. Rules with further conditions do not count, nor do those that look into sets.
  std::vector<base::Prefix> accepted_sources = {};
  std::vector<base::Prefix> accepted_destinations = {};
};

/// All of them in the families ip, ip6 and inet, in the kernel's order; rules are followed into the
/// chains that they jump to. Throws std::system_error when nf_tables cannot be read.
std::vector<DroppingChain> list_dropping_forward_chains(nft::Nft& nft);

}  // namespace firewall
