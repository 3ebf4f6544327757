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
  /// Reads and compares; `index` 0 is a device that a dry run would make.
  RemoteEnds(Run& run, const Overlay& overlay, int index);
  /// Of apply_delta(): compares with `before` instead.
  RemoteEnds(Run& run, const Overlay& before, const Overlay& overlay, int index);
  void add();     ///< FDB first: no neighbour without a way to it; replaces in place
  void remove();  ///< the other way round

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
