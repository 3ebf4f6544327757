// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/nft.h"

/// The `nat` tables of iptables, as its nf_tables variant and its legacy variant keep them. Reading
/// starts no process; writing goes through one iptables-restore per family, which picks the variant
/// by being it.
namespace net {

enum class IptablesVariant { nft, legacy };

/// One rule of a nat table.
struct NatRule {
  std::uint64_t handle = 0;  ///< variant nft only
  std::string target;  ///< chain that it jumps to, or the target's name; empty for plain verdicts
  std::string comment;
  std::optional<base::Prefix> source = {};
  std::optional<base::Prefix> destination = {};
  std::uint32_t mark = 0;                 ///< that it compares with, or sets
  std::uint8_t protocol = 0;              ///< variant legacy only
  std::vector<std::uint16_t> ports = {};  ///< of -m multiport; variant legacy only
};

struct NatChain {
  std::string name;
  std::vector<NatRule> rules = {};
};

/// A nat table of one family in one variant, read on demand.
class NatView {
 public:
  NatView(nft::Nft& nft, int family, IptablesVariant variant)
      : nft_(nft), family_(family), variant_(variant) {}

  bool has_chain(const std::string& chain);
  std::vector<NatRule> list_rules(const std::string& chain);
  std::vector<std::string> list_chains();
  int family() const { return family_; }
  IptablesVariant variant() const { return variant_; }

 private:
  const std::vector<NatChain>& legacy();
  nft::Nft& nft_;
  int family_;
  IptablesVariant variant_;
  std::optional<std::vector<NatChain>> legacy_;
};

/// The table `ip nat` or `ip6 nat` of nf_tables.
nft::Table nat_table(int family);

/// Chains and rules of the legacy nat table; empty when this namespace has none. Looking does not
/// create it.
std::vector<NatChain> read_legacy_nat(int family);
std::vector<NatChain> read_legacy_filter(int family);  ///< the same of the filter table

/// How a chain of one container hangs in the table, and the text that comments on its rules.
struct NatRemoval {
  std::string chain;
  std::string entry_chain;      ///< whose rules jump to `chain`
  std::string options_v4 = {};  ///< legacy: match words that ADD appended to those rules
  std::string options_v6 = {};
  std::vector<base::Prefix> only = {};  ///< jumps from these sources alone; empty: all
};
/// Removes `removals` of both variants and both families: rules and chains of nf_tables by netlink
/// in one transaction, those of legacy tables by one iptables-legacy-restore per family. A chain
/// that some other rule still jumps to stays. Returns whether there was anything.
bool remove_nat_chains(nft::Nft& nft, std::span<const NatRemoval> removals);

/// Runs `iptables-restore --noflush --wait` of `family` with `lines` on table nat; nothing for no
/// lines. Throws std::system_error(ENOENT) when the program is not in $PATH.
void restore_nat(int family, const std::vector<std::string>& lines,
                 std::optional<IptablesVariant> variant = {});
/// The same on the legacy filter table.
void restore_legacy_filter(int family, const std::vector<std::string>& lines);
/// Throws like restore_nat() when the program for `family` is missing.
void require_iptables(int family);

/// `-m comment --comment "..."`, quoted for iptables-restore.
std::string comment_option(const std::string& comment);

}  // namespace net
