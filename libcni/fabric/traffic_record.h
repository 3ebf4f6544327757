// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/base/unique_fd.h"
#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// A note from one process to the next that nf_tables held what was wanted. Each transaction
/// changes the generation of its network namespace (nf_tables_commit): while that number is the
/// recorded one, no program has changed anything, and the table does not have to be read.
class TrafficRecord {
 public:
  /// Opens the file of `scope` in `folder`. Generations start anew with each boot, so the file must
  /// not outlive it: nothing is recorded outside of a tmpfs. Nothing is recorded before kernel 5.14
  /// either, where namespaces have no number. Throws std::system_error when the generation cannot
  /// be read.
  TrafficRecord(nft::Nft& nft, const std::string& folder, const std::string& scope,
                const std::optional<Traffic>& wanted);

  /// True if `wanted` was found at the generation that the constructor read.
  bool holds() const;
  /// Records that the rules read since the constructor were right. Does nothing where recording is
  /// off.
  void keep() const noexcept;

 private:
  base::UniqueFd file_;
  /// Hash of the wanted rules, namespace and generation; a part of one never matches.
  std::string seal_;
};

/// Keeps the record of `scope` valid although this process makes transactions of its own, in other
/// tables than the recorded one: without it each pod with rules would end the record.
class OwnTransactions {
 public:
  /// Begins before the first of these transactions. Throws std::system_error when the generation
  /// cannot be read.
  OwnTransactions(const std::string& folder, const std::string& scope);
  /// Renews the record if no other process has made a transaction since the constructor. If that
  /// fails, the record does not hold, and the next comparison reads the table.
  void keep_record() noexcept;

 private:
  void renew();
  nft::Nft nft_;
  std::string path_;
  std::uint32_t generation_;
  std::uint32_t commits_;
};

}  // namespace fabric
