// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "libcni/base/ip.h"

namespace agent::etcd {

/// Ranges of one size out of a network, of which each node gets one: those with the numbers `first`
/// to `last`, counted from the network's base.
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

/// Whether `range` is one that a pool gives away.
bool offers(std::span<const Pool> pools, const base::Prefix& range);

/// One of the ranges of `pools` that nothing in `taken` overlaps, each as likely as the other:
/// `random` decides. Nothing when there is none. All of one family.
std::optional<base::Prefix> pick(std::span<const Pool> pools, std::span<const base::Prefix> taken,
                                 std::uint64_t random);

}  // namespace agent::etcd
