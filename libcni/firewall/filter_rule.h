// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/firewall/iptables.h"
#include "libcni/nft/nft.h"

namespace firewall {

/// A rule of iptables' table filter, in the forms that the reference's plugin `firewall` writes.
struct FilterRule {
  std::string chain;
  std::string target;  ///< a chain, or ACCEPT, DROP or RETURN
  std::optional<base::IpAddress> source = {};
  std::optional<base::IpAddress> destination = {};
  bool on_known_connections = false;  ///< conntrack state RELATED or ESTABLISHED
  std::string input_link = {};
  std::string output_link = {};
  bool excludes_output_link = false;
  std::string comment = {};
};

/// The words of the rule after its chain, such as `-s 10.1.2.3/32 -j ACCEPT`.
std::string words_of(const FilterRule& rule);
/// Returns whether `present` has the matches, the comment and the target of `rule`.
bool is_same(const nft::RuleInfo& present, const FilterRule& rule);
/// Returns whether `present` drops or rejects every packet that reaches it.
bool drops_all(const nft::RuleInfo& present);
/// The same for accepting.
bool accepts_all(const nft::RuleInfo& present);

/// Collects changes of table filter of one family. Those of the nf_tables variant go into a batch
/// that the caller commits; those of the legacy variant run one iptables-legacy-restore.
class FilterEdits {
 public:
  FilterEdits(nft::Batch& batch, int family, IptablesVariant variant)
      : batch_(batch), family_(family), variant_(variant) {}

  /// The chain must not exist. Legacy: fails when another process was faster.
  void add_chain(const std::string& name);
  /// The built-in chain FORWARD, which the tool makes when it is first used.
  void ensure_forward();
  void insert(const FilterRule& rule);  ///< at the head of its chain
  /// `note`: see nft::Rule::note(); legacy rules have none.
  void append(const FilterRule& rule, const std::string& note = {});
  void remove(const FilterRule& rule, const nft::RuleInfo& present);

  bool empty() const { return count_ == 0; }
  /// Writes the changes of the legacy variant.
  void restore() const { restore_legacy_filter(family_, lines_); }

 private:
  nft::Batch* start();
  nft::Batch& batch_;
  int family_;
  IptablesVariant variant_;
  std::vector<std::string> lines_;
  int count_ = 0;
};

}  // namespace firewall
