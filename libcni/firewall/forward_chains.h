// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/nft/nft.h"

namespace firewall {

/// A base chain on the forward hook that drops all packets that its rules do not accept: by its
/// policy, or by a last rule for all packets.
struct DroppingChain {
  nft::Table table = {nft::Family::inet, {}};
  std::string name = {};
  /// Ranges that an earlier rule accepts as source or destination, whatever else is in the packet.
  /// Rules with further conditions do not count, nor do rules with sets.
  std::vector<base::Prefix> accepted_sources = {};
  std::vector<base::Prefix> accepted_destinations = {};

  /// Chain FORWARD of iptables or ip6tables.
  bool is_of_iptables() const {
    return table.family != nft::Family::inet && table.name == "filter" && name == "FORWARD";
  }
};

/// Lists all such chains of the families ip, ip6 and inet, in the kernel's order, and follows jumps
/// into other chains. Throws std::system_error when nf_tables cannot be read.
std::vector<DroppingChain> list_dropping_forward_chains(nft::Nft& nft);

}  // namespace firewall
