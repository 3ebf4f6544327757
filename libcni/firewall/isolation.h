// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/firewall/filter_rule.h"
#include "libcni/nft/nft.h"

/// ingressPolicy: packets from one isolated bridge to another are dropped, and with `inside` also
/// those between ports of one bridge, which reach these rules only with br_netfilter.
namespace firewall {

struct Isolation {
  std::string bridge;
  bool inside = false;
};

/// In iptables: the reference's chains, rules and order. Two rules of one bridge are in
/// CNI-ISOLATION-STAGE-1 and -2; all bridges share the others. They stay when the last pod is gone,
/// as the reference's do.
namespace isolation_iptables {

/// Puts the rules that are missing, and removes the rule of `inside` where that is false. The
/// jump from FORWARD comes before the one to CNI-FORWARD, which accepts packets; `entry_is_new`:
/// that one was put at the head just now.
void put(FilterEdits& edits, TableView& view, const Isolation& isolation, bool entry_is_new);
/// Moves the jump from FORWARD, where there is one, to the head, before a jump to CNI-FORWARD that
/// was put there just now.
void keep_first(FilterEdits& edits, TableView& view);
/// A text about the first rule that is missing or not reached; empty when there is none.
std::string find_fault(TableView& view, const Isolation& isolation);

}  // namespace isolation_iptables

/// In nf_tables: chain `isolation` of table `inet cni_plugins_firewall`.
namespace isolation_nft {

/// Puts the rules that are missing into `batch`, which has selected the table; `rules` are all that
/// the table has. Returns whether any were missing.
bool put(nft::Batch& batch, const std::vector<nft::RuleInfo>& rules, const Isolation& isolation);
/// Throws std::runtime_error naming the first rule that is missing.
void check(const std::vector<nft::RuleInfo>& rules, const Isolation& isolation);

}  // namespace isolation_nft
}  // namespace firewall
