// SPDX-License-Identifier: Apache-2.0
#include "ipam/allocator/allocate.h"

#include <algorithm>

namespace ipam {
namespace {

/// A place in a set: the walk's cursor.
struct Position {
  std::size_t range;
  base::IpAddress address;
  bool operator==(const Position&) const = default;
};

Position next(const RangeSet& set, const Position& at) {
  if (at.address != set.ranges[at.range].end) return {at.range, at.address.plus(1)};
  const std::size_t range = (at.range + 1) % set.ranges.size();
  return {range, set.ranges[range].start};
}

Position first(const RangeSet& set, const std::optional<base::IpAddress>& last_reserved) {
  const Range* range = last_reserved ? set.find(*last_reserved) : nullptr;
  if (range == nullptr) return {0, set.ranges.front().start};
  return next(set, {static_cast<std::size_t>(range - set.ranges.data()), *last_reserved});
}

/// The answer of one set: a lease or a problem.
struct Choice {
  std::optional<Lease> lease = {};
  std::string problem = {};
  std::optional<base::IpAddress> held = {};
};

Choice give(const Range& range, const base::IpAddress& address) {
  return {.lease = Lease{{address, range.subnet.length}, range.gateway}};
}

bool owns(const Usage& usage, const base::IpAddress& address) {
  return std::ranges::find(usage.owned, address) != usage.owned.end();
}

/// Returns neither a lease nor a problem when the attachment holds no address of the set.
Choice refuse_duplicate(const RangeSet& set, const Demand& demand, const Usage& usage) {
  for (const base::IpAddress& address : usage.owned)
    if (set.find(address) != nullptr)
      return {.problem = address.text() + " has been allocated to " + demand.container_id +
                         ", duplicate allocation is not allowed",
              .held = address};
  return {};
}

Choice take_requested(const RangeSet& set, const base::IpAddress& address, const Usage& usage) {
  const Range& range = *set.find(address);
  if (address == range.gateway)
    return {.problem = "requested ip " + address.text() + " is subnet's gateway"};
  if (usage.is_taken(address))
    return {.problem = "requested IP address " + address.text() +
                       " is not available in range set " + set.text()};
  return give(range, address);
}

Choice take_next(const RangeSet& set, std::size_t number, const Usage& usage) {
  const Position start = first(set, usage.last_reserved(number));
  Position at = start;
  do {
    const Range& range = set.ranges[at.range];
    if (at.address != range.gateway && !usage.is_taken(at.address)) return give(range, at.address);
    at = next(set, at);
  } while (at != start);
  return {.problem = "no IP addresses available in range set: " + set.text()};
}

}  // namespace

Allocation allocate(const Demand& demand, const Usage& usage) {
  std::vector<base::IpAddress> waiting;
  for (const base::IpAddress& address : demand.requested)
    if (std::ranges::find(waiting, address) == waiting.end()) waiting.push_back(address);
  Allocation allocation;
  for (std::size_t number = 0; number < demand.sets.size(); ++number) {
    const RangeSet& set = demand.sets[number];
    const auto requested = std::ranges::find_if(
        waiting, [&](const base::IpAddress& address) { return set.find(address) != nullptr; });
    Choice choice = requested != waiting.end() ? take_requested(set, *requested, usage) : Choice{};
    const bool asks_for_own = !choice.problem.empty() && owns(usage, *requested);
    if (choice.problem.empty() || asks_for_own)
      if (Choice duplicate = refuse_duplicate(set, demand, usage); duplicate.held)
        choice = std::move(duplicate);
    if (choice.problem.empty() && !choice.lease) choice = take_next(set, number, usage);
    if (!choice.problem.empty())
      return {.leases = {},
              .problem =
                  "failed to allocate for range " + std::to_string(number) + ": " + choice.problem,
              .held = choice.held};
    if (requested != waiting.end()) waiting.erase(requested);
    allocation.leases.push_back(*choice.lease);
  }
  if (waiting.empty()) return allocation;
  std::string problem = "failed to allocate all requested IPs:";
  for (const base::IpAddress& address : waiting) problem += " " + address.text();
  return {.leases = {}, .problem = problem};
}

}  // namespace ipam
