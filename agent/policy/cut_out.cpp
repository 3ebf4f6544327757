// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/policy/plan.h"

namespace agent::policy {

std::vector<AddressRange> cut_out(const base::Prefix& block,
                                  const std::vector<base::Prefix>& exceptions) {
  std::vector<base::Prefix> cuts;
  for (const base::Prefix& each : exceptions)
    if (each.overlaps(block)) cuts.push_back(each.network());
  std::ranges::sort(cuts, {}, [](const base::Prefix& each) { return each.address; });
  std::vector<AddressRange> left;
  base::IpAddress next = block.network().address;
  const base::IpAddress end = block.last();
  for (const base::Prefix& cut : cuts) {
    if (cut.last() < next) continue;
    if (next < cut.address) left.push_back({next, cut.address.plus(-1)});
    if (!(cut.last() < end)) return left;
    next = cut.last().plus(1);
  }
  left.push_back({next, end});
  return left;
}

}  // namespace agent::policy
