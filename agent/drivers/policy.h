// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "agent/policy/table.h"
#include "libcni/nft/nft.h"

namespace agent {

/// Keeps the table of network policies as planned, each change in one transaction. Leaves it in the
/// kernel when it ends. Failures throw std::system_error.
class PolicyDriver {
 public:
  /// Makes the kernel's table `wanted`: by what differs from the last one, else as a whole where
  /// another program changed it or this is the first run. Returns the number of requests sent.
  std::size_t run(const policy::PolicyTable& wanted);
  /// Returns whether the kernel has the table of the last run; true before the first. Reads it only
  /// after a transaction of another program.
  bool is_right(nft::Nft& nft);
  /// The table of the last run.
  const std::optional<policy::PolicyTable>& table() const { return made_; }

 private:
  bool commit_difference(nft::Nft& nft, const policy::PolicyTable& wanted);
  std::optional<policy::PolicyTable> made_;
  std::uint32_t generation_ = 0;  ///< at which the table was right
};

/// Removes the table, which opens all pods. Returns whether there was one.
bool remove_policy_table(nft::Nft& nft);

/// Compares the chains' rules by their comments, the first of which in a base chain has a hash of
/// all (the other chains have one in their name), and the elements of sets.
bool has_policy_table(nft::Nft& nft, const policy::PolicyTable& wanted);

}  // namespace agent
