// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcni/firewall/hostport.h"
#include "libcni/nft/nft.h"

/// What hostport.h puts into nf_tables, as values.
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
/// Every element that `ports` consist of.
std::vector<Placed> elements_of(const HostPorts& ports, const std::string& comment);

/// The rules that `ports` with conditions consist of, each with its chain.
std::vector<std::pair<std::string, nft::Rule>> rules_of(const HostPorts& ports,
                                                        const std::string& comment);

/// A rule that masquerades what one element of a hairpin set does: for an attachment whose element
/// another attachment of the same address has.
nft::Rule hairpin_rule_of(const Placed& placed, const std::string& comment);
/// Whether `rule` is such a one for this element, of any owner.
bool is_hairpin_rule_of(const nft::RuleInfo& rule, const Placed& placed);

/// Puts into `batch` what of table, chains, sets and shared rules `ports` need and `rules`, the
/// table's present ones, lack. Returns whether that is anything.
bool repair(nft::Batch& batch, const HostPorts& ports, const std::vector<nft::RuleInfo>& rules);

/// The hold that an element of the port maps is; nothing for other elements.
std::optional<HostPortHold> hold_of(const Placed& placed);

/// The UDP port that an element of the port maps is about, or 0.
std::uint16_t udp_port_of(const Placed& placed);

}  // namespace firewall::hostport
