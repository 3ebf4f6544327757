// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ipam/allocator/range.h"
#include "libcni/base/ip.h"

namespace ipam {

/// The addresses that an attachment asks for.
struct Demand {
  std::vector<RangeSet> sets;
  std::vector<base::IpAddress> requested;  ///< at most one per set is served from these
  std::string container_id;                ///< for messages
};

/// The contents of the store at this moment. The allocator sees nothing else.
struct Usage {
  std::function<bool(const base::IpAddress&)> is_taken;
  std::function<std::optional<base::IpAddress>(std::size_t set)> last_reserved;
  std::vector<base::IpAddress> owned;  ///< by the attachment that asks
};

struct Lease {
  base::Prefix address;  ///< with the length of the range's subnet
  base::IpAddress gateway;
  bool operator==(const Lease&) const = default;
};

/// One lease for each set, in the order of the sets; or no lease, and the reason in the words of
/// the reference plugin.
struct Allocation {
  std::vector<Lease> leases;
  std::string problem;
  /// Set when the allocation failed because the attachment already holds this address.
  std::optional<base::IpAddress> held = {};
};

/// Chooses without changing anything. A set without a requested address is walked upward from the
/// one after its last reserved, around its end, so that a freed address is reused as late as
/// possible. A second address in one set for one owner is refused.
Allocation allocate(const Demand& demand, const Usage& usage);

}  // namespace ipam
