// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/batch.h"
#include "libcni/net/netlink.h"

namespace net {

/// A policy rule (`ip rule`) that sends packets from `source` to a routing table.
struct Rule {
  base::Prefix source;
  std::uint32_t table = 0;
  std::uint32_t priority = 0;  ///< 0: the kernel chooses, in front of the rules that are there
  bool has_more = false;       ///< read rules only: it has conditions besides the source
  bool operator==(const Rule&) const = default;
};

/// The rules of `family` that look a table up, also those with further conditions; `source` has
/// length 0 for a rule without one.
std::vector<Rule> list_rules(Netlink& netlink, int family);

/// Adds the rule; a rule that is there is kept.
void put_rule(Batch& batch, const Rule& rule);
/// Removes one rule with this source and table, and this priority unless it is 0. A rule that is
/// gone stays gone.
void remove_rule(Batch& batch, const Rule& rule);

}  // namespace net
