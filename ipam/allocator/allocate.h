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

/// What an attachment asks for.
struct Demand {
  std::vector<RangeSet> sets;
  std::vector<base::IpAddress> requested;  ///< at most one per set is served from these
  std::string container_id;                ///< for messages
};

/// What the store knows at this moment; the allocator's only view of the world.
struct Usage {
  std::function<bool(const base::IpAddress&)> is_taken;
  std::function<std::optional<base::IpAddress>(std::size_t set)> last_reserved;
  std::vector<base::IpAddress> owned;  ///< already by the attachment that asks
};

struct Lease {
  base::Prefix address;  ///< with the length of the range's subnet
  base::IpAddress gateway;
  bool operator==(const Lease&) const = default;
};

/// One lease for each set, in their order, or none and the reference's words for why.
struct Allocation {
  std::vector<Lease> leases;
  std::string problem;
  /// The problem is this address, which the very attachment that asks holds already.
  std::optional<base::IpAddress> held = {};
};

/// Chooses without changing anything. A set without a requested address is walked upward from the
/// one after its last reserved, around its end, so that a freed address rests as long as possible
/// (reference-plugins 3.1 and 7.4). A second address in one set for one owner is refused (S-153).
Allocation allocate(const Demand& demand, const Usage& usage);

}  // namespace ipam
