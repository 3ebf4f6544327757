// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libcni/firewall/hostport.h"

namespace portmap {

/// Reads conditions in nft's words: `ip saddr|daddr [!=] PREFIX`, `ip6 saddr|daddr [!=] PREFIX`,
/// `iifname|oifname [!=] NAME`, `meta mark [!=] VALUE`, `meta mark & MASK ==|!= VALUE`, one after
/// another. Throws cni::Error 7 naming `key` and the first word that does not fit.
std::vector<firewall::HostPortCondition> parse_conditions(const std::vector<std::string>& words,
                                                          std::string_view key);

}  // namespace portmap
