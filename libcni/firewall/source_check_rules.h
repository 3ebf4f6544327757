// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "libcni/nft/batch.h"

/// The objects of source_check.h that all pods share.
namespace firewall::source_rules {

inline constexpr const char* kHook = "prerouting";
inline constexpr const char* kLinks = "links";  ///< set: links that are checked
inline constexpr const char* kMacs = "macs";    ///< set: link . MAC address; bridge only
inline constexpr const char* kIpv4 = "ipv4";    ///< set: link . MAC address (bridge) . address
inline constexpr const char* kIpv6 = "ipv6";

/// The table for ports of a bridge, or for routed links.
const nft::Table& table(bool bridged);
std::vector<nft::Set> sets(bool bridged);
/// The rules that chain kHook must have.
std::uint32_t hook_rules(bool bridged);
/// Puts table, sets, chains and rules into `batch`, which must have selected the table; rules that
/// are there already are replaced.
void put(nft::Batch& batch, bool bridged);

}  // namespace firewall::source_rules
