// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "libcni/firewall/hostport.h"

/// The holders of host ports: elements of our maps, rules of the reference in nf_tables, chains of
/// iptables in either variant. Rules with further conditions do not hold a port: two of them can
/// share it.
namespace firewall::hostport {

/// The rules of the reference among `rules`, the rules of the table of one family.
std::vector<HostPortHold> holds_in(const std::vector<nft::RuleInfo>& rules);
/// The holds of `family` in iptables on one of `wanted`, or all if `wanted` is empty.
std::vector<HostPortHold> list_iptables_holds(nft::Nft& nft, int family,
                                              std::span<const HostPort> wanted);

/// An attachment that asks for ports, and its test whether other holders are dead.
struct Claim {
  nft::Nft& nft;
  const Owner& owner;
  const IsDead& is_dead;
};

/// Removes the dead holder `hold`, with a line in the log. Throws EADDRINUSE naming the holder if
/// it is alive.
void take_over(const Claim& claim, const HostPortHold& hold);
/// The same for every hold of another attachment on a port of `ports` by rules: those of the
/// reference among `rules`, and those of iptables.
void take_over_rules(const Claim& claim, const HostPorts& ports,
                     const std::vector<nft::RuleInfo>& rules);
/// The same for holds in our maps.
void take_over_elements(const Claim& claim, const HostPorts& ports);

}  // namespace firewall::hostport
