// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "libcni/base/ip.h"

namespace agent::etcd {

/// A network that is divided into ranges of one size, one for each node: the ranges with the
/// numbers `first` to `last`, counted from the network's base.
struct Pool {
  base::Prefix network;
  int length = 24;  ///< of a node's range
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const Pool&) const = default;
};

/// Every range of `length` in `network`. Throws std::invalid_argument when it does not fit, or when
/// there are more than 2^62 of them.
Pool make_pool(const base::Prefix& network, int length);
/// The number of the range that `address`, inside pool.network, belongs to.
std::uint64_t number_of(const Pool& pool, const base::IpAddress& address);
base::Prefix range_of(const Pool& pool, std::uint64_t number);

/// Returns whether `range` is one of a pool's ranges.
bool offers(std::span<const Pool> pools, const base::Prefix& range);

/// Picks one of the ranges of `pools` that nothing in `taken` overlaps. `random` decides; all free
/// ranges are equally likely. Returns nothing when none is free. All arguments have one family.
std::optional<base::Prefix> pick(std::span<const Pool> pools, std::span<const base::Prefix> taken,
                                 std::uint64_t random);

}  // namespace agent::etcd
