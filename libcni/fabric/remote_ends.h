// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/fabric/desired.h"
#include "libcni/fabric/difference.h"
#include "libcni/fabric/run.h"
#include "libcni/net/neighbor.h"

namespace fabric {

/// The FDB entries and neighbours of one device, compared with the kernel's.
class RemoteEnds {
 public:
  /// Reads the kernel's and compares; `index` 0 is a device that a dry run would create.
  RemoteEnds(Run& run, const Overlay& overlay, int index);
  /// Compares with `before` instead, for apply_delta().
  RemoteEnds(Run& run, const Overlay& before, const Overlay& overlay, int index);
  void add();     ///< FDB entries first, so that no neighbour lacks one; replaces in place
  void remove();  ///< in the reverse order

 private:
  using Fdb = std::vector<net::VxlanFdbEntry>;
  using Neighbors = std::vector<net::Neighbor>;
  void compare(Fdb wanted, Fdb present);
  void compare(Neighbors wanted, Neighbors present);
  std::string describe(const net::VxlanFdbEntry& entry) const;
  std::string describe(const net::Neighbor& neighbor) const;

  Run& run_;
  const std::string& device_;
  int index_;
  Difference<net::VxlanFdbEntry> fdb_;
  Difference<net::Neighbor> neighbors_;
};

}  // namespace fabric
