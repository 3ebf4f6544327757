// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/base/unique_fd.h"
#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// From one process to the next: nf_tables held what was wanted. Each transaction changes the
/// generation of its network namespace (nf_tables_commit), so while that number is the recorded one
/// nobody has changed anything there, and nothing has to be read to know it.
class TrafficRecord {
 public:
  /// A file of `scope` in `folder`. Generations go with the boot, and so must the file: anywhere
  /// but on a tmpfs nothing is recorded. Neither is it before kernel 5.14, whose namespaces have no
  /// number of their own. Throws std::system_error when the generation cannot be read.
  TrafficRecord(nft::Nft& nft, const std::string& folder, const std::string& scope,
                const std::optional<Traffic>& wanted);

  /// Whether `wanted` was found at the generation that the constructor read.
  bool holds() const;
  /// It was: what was read since the constructor was right. Without effect where nothing is
  /// recorded.
  void keep() const noexcept;

 private:
  base::UniqueFd file_;
  std::string seal_;  ///< hash of namespace, generation and all that is wanted; half a one is none
};

}  // namespace fabric
