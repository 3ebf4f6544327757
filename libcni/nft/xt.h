// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "libcni/nft/rule_info.h"

/// The matches and targets of iptables that this suite knows, in the kernel's layout, which both
/// variants share (linux/netfilter/xt_*.h).
namespace nft {

/// RELATED,ESTABLISHED in the state mask of match conntrack.
inline constexpr std::uint16_t kKnownConnections = 1 << 1 | 1 << 2;

/// A match or target: its name, revision and data.
struct XtPart {
  std::string_view name;
  unsigned revision = 0;
  std::span<const std::uint8_t> data;
};

/// Puts the contents of the match into `rule`; an unknown match sets `has_more` and
/// `has_unread`.
void read_xt_match(const XtPart& match, nft::RuleInfo& rule);
/// The same for a target; `family` is AF_INET or AF_INET6.
void read_xt_target(const XtPart& target, int family, nft::RuleInfo& rule);

}  // namespace nft
