// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcni/firewall/hostport.h"
#include "libcni/nft/nft.h"

/// The contents of the nf_tables tables of hostport.h, as values.
namespace firewall::hostport {

inline constexpr const char* kPorts = "ports";
inline constexpr const char* kHostIpPorts = "hostip_ports";
inline constexpr const char* kChainPorts = "hostports";
inline constexpr const char* kChainHostIpPorts = "hostip_hostports";
inline constexpr const char* kChainAll = "hostports_all";
inline constexpr const char* kChainPrerouting = "prerouting";
inline constexpr const char* kChainOutput = "output";
inline constexpr const char* kChainMasquerading = "masquerading";

/// The table of AF_INET or AF_INET6.
nft::Table table_of(int family);

/// An element and the set it belongs to.
struct Placed {
  std::string set;
  nft::Element element;
};
/// The elements for `ports`.
std::vector<Placed> elements_of(const HostPorts& ports, const std::string& comment);

/// The rules for `ports` with conditions, each with its chain.
std::vector<std::pair<std::string, nft::Rule>> rules_of(const HostPorts& ports,
                                                        const std::string& comment);

/// A rule with the effect of one element of a hairpin set: for an attachment when another
/// attachment with the same address has that element.
nft::Rule hairpin_rule_of(const Placed& placed, const std::string& comment);
/// Returns whether `rule` is such a rule for this element, of any owner.
bool is_hairpin_rule_of(const nft::RuleInfo& rule, const Placed& placed);

/// Puts the table, chains, sets and shared rules into `batch` that `ports` need and that are
/// missing; `rules` are the present rules of the table. Returns whether anything was missing.
bool repair(nft::Batch& batch, const HostPorts& ports, const std::vector<nft::RuleInfo>& rules);

/// The hold that an element of the port maps represents; nothing for other elements.
std::optional<HostPortHold> hold_of(const Placed& placed);

/// The UDP port of an element of the port maps, or 0.
std::uint16_t udp_port_of(const Placed& placed);

}  // namespace firewall::hostport
