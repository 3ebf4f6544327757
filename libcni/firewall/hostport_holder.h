// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "libcni/firewall/hostport.h"

/// Who holds which host port, whatever made the hold: elements of our maps, rules of the reference
/// in nf_tables, chains of iptables in either variant. Holds with further conditions do not count:
/// two of them can share a port.
namespace firewall::hostport {

/// The reference's rules among `rules`, which are those of the table of one family.
std::vector<HostPortHold> holds_in(const std::vector<nft::RuleInfo>& rules);
/// Holds of `family` in iptables on one of `wanted`, or all if that is empty.
std::vector<HostPortHold> list_iptables_holds(nft::Nft& nft, int family,
                                              std::span<const HostPort> wanted);

/// An attachment that wants ports, and how it judges other holders.
struct Claim {
  nft::Nft& nft;
  const Owner& owner;
  const IsDead& is_dead;
};

/// Removes the dead holder `hold`, with a line in the log. Throws EADDRINUSE naming a living one.
void take_over(const Claim& claim, const HostPortHold& hold);
/// The same with every hold of another attachment on a port of `ports` that rules make: the
/// reference's among `rules`, and those of iptables.
void take_over_rules(const Claim& claim, const HostPorts& ports,
                     const std::vector<nft::RuleInfo>& rules);
/// The same with those in our maps.
void take_over_elements(const Claim& claim, const HostPorts& ports);

}  // namespace firewall::hostport
