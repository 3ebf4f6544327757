// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/boot_time.h"
#include "libcni/base/ip.h"
#include "libcni/firewall/isolation.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// Packets from a pod's addresses, and their replies, are accepted in chain FORWARD of iptables,
/// whose policy other programs set to DROP. Chains, rules and order are those of the reference:
/// FORWARD jumps to CNI-FORWARD, which jumps to the administrator's chain first.
///
/// In the nf_tables variant netlink writes the rules, and each has its owner as a note that no tool
/// shows: DEL and GC remove exactly these. The legacy variant needs one iptables-legacy-restore;
/// its rules do not have an owner, and neither have those of the reference.
namespace firewall {

inline constexpr const char* kPodsChain = "CNI-FORWARD";

struct ForwardRules {
  std::vector<base::IpAddress> addresses;
  std::string admin_chain = "CNI-ADMIN";
  bool accept = true;  ///< false: only `isolation`
  std::optional<Isolation> isolation = {};
  /// Only in FORWARD chains of nf_tables that exist; otherwise in the variant of this host, and the
  /// chain is made.
  bool only_present = false;
};

/// ADD, in the families of `addresses`. One nf_tables transaction. Idempotent, except that a
/// repeated ADD doubles the pod's rules where CNI-FORWARD has more than 128: such a chain is not
/// read. DEL removes them all. The jump to CNI-FORWARD goes to the head of FORWARD if it is
/// missing, or behind a rule that drops all packets.
void add_forward_rules(nft::Nft& nft, const Owner& owner, const ForwardRules& rules);

/// Removes the rules of `owner`; in a family where it has none, the rules without an owner for
/// `addresses`. Returns whether there was anything. The shared chains stay.
bool remove_forward_rules(nft::Nft& nft, const Owner& owner,
                          std::span<const base::IpAddress> addresses);

/// CHECK. Throws std::runtime_error naming the rule that is missing or not reached. Rules of any
/// owner and of either variant count.
void check_forward_rules(nft::Nft& nft, const ForwardRules& rules);

/// GC: reads the rules of `network` that belong to none of `valid`; the returned step removes them.
/// Rules made at `began` or later stay, and rules without an owner, which do not name their
/// network.
[[nodiscard]] std::function<void()> find_stale_forward_rules(nft::Nft& nft,
                                                             const std::string& network,
                                                             std::span<const Owner> valid,
                                                             base::BootTime began);

/// A text that `rule` is missing from its chain of `view`.
std::string missing_text(const FilterRule& rule, const TableView& view);
/// A text that no packet gets to `rule`, because another rule comes first.
std::string not_reached_text(const FilterRule& rule, const TableView& view);

/// The variant of iptables that this host uses for `family`: that of the installed program; without
/// one, or if it is a wrapper script, that of the existing tables.
IptablesVariant find_host_variant(nft::Nft& nft, int family);

}  // namespace firewall
