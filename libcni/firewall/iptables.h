// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/nft/nft.h"

/// The tables `nat` and `filter` of iptables, as its nf_tables variant and its legacy variant keep
/// them. Reading starts no process; writing to `nat` runs one iptables-restore per family, and the
/// installed program determines the variant.
namespace firewall {

enum class IptablesVariant { nft, legacy };

/// One rule of a table.
using NatRule = nft::RuleInfo;

struct NatChain {
  std::string name;
  std::vector<NatRule> rules = {};
};

enum class IptablesTable { nat, filter };

/// A table of one family in one variant, read on demand.
class TableView {
 public:
  TableView(nft::Nft& nft, int family, IptablesVariant variant,
            IptablesTable table = IptablesTable::nat)
      : nft_(nft), family_(family), variant_(variant), table_(table) {}

  bool has_chain(const std::string& chain);
  std::vector<NatRule> list_rules(const std::string& chain);
  /// The number of its rules, and at times of the jumps to it; 0 where it does not exist.
  std::size_t count_rules(const std::string& chain);
  std::vector<std::string> list_chains();
  int family() const { return family_; }
  IptablesVariant variant() const { return variant_; }

 private:
  nft::Table table() const;
  const std::vector<NatChain>& legacy();
  nft::Nft& nft_;
  int family_;
  IptablesVariant variant_;
  IptablesTable table_;
  std::optional<std::vector<NatChain>> legacy_;
};

/// The table `ip nat` or `ip6 nat` of nf_tables.
nft::Table nat_table(int family);
nft::Table filter_table(int family);  ///< the same for `filter`

/// Chains and rules of the legacy nat table; empty when this namespace has none. Reading does not
/// create the table.
std::vector<NatChain> read_legacy_nat(int family);
std::vector<NatChain> read_legacy_filter(int family);  ///< the same of the filter table

/// The size of a legacy table in bytes; it changes when a rule is added or removed, not with a
/// policy.
struct LegacySize {
  std::uint32_t entries = 0;
  std::uint32_t bytes = 0;
  bool operator==(const LegacySize&) const = default;
};
/// The size of the legacy filter table, without reading the table; nothing when this namespace has
/// none.
std::optional<LegacySize> find_legacy_filter_size(int family);
std::optional<LegacySize> find_legacy_nat_size(int family);  ///< the same of the nat table

/// A chain of one container and the rules that jump to it.
struct NatRemoval {
  std::string chain;
  std::string entry_chain;              ///< whose rules jump to `chain`
  std::vector<base::Prefix> only = {};  ///< jumps from these sources alone; empty: all
};
/// Removes `removals` of both variants and both families: rules and chains of nf_tables by netlink
/// in one transaction, those of legacy tables by one iptables-legacy-restore per family. A chain
/// stays if another rule still jumps to it. Returns whether there was anything to remove. Throws
/// std::system_error(EIO) when the tool reports success and the chain is still there.
bool remove_nat_chains(nft::Nft& nft, std::span<const NatRemoval> removals);

/// Runs `iptables-restore --noflush --wait` of `family` with `lines` on table nat; does nothing
/// without lines. Throws std::system_error(ENOENT) when the program is not in $PATH. The program
/// also reports success when it could not read its input (1.8.9): callers must check that the rules
/// exist.
void restore_nat(int family, const std::vector<std::string>& lines,
                 std::optional<IptablesVariant> variant = {});
/// The same on the legacy filter table.
void restore_legacy_filter(int family, const std::vector<std::string>& lines);
/// The variant that iptables-restore of `family` writes, read from the program file. Nothing when
/// the file is a wrapper script or missing.
std::optional<IptablesVariant> find_tool_variant(int family);
/// Throws the error of restore_nat() when the program for `family` is missing.
void require_iptables(int family);

/// `-m comment --comment "..."`, quoted for iptables-restore.
std::string comment_option(const std::string& comment);

}  // namespace firewall
