// SPDX-License-Identifier: Apache-2.0
#include "ipam/allocator/range.h"

#include <array>
#include <limits>

namespace ipam {
namespace {

constexpr auto kUncountable = std::numeric_limits<std::uint64_t>::max();

bool after(const base::IpAddress& a, const base::IpAddress& b) {
  return a.is_v4() == b.is_v4() && a > b;
}

struct Unusable {
  const char* prefix;
  const char* why;
};

/// Ranges that pods cannot use (RFC 6890). The kernel drops packets from the first three on every
/// link.
constexpr std::array<Unusable, 6> kUnusable{{{"127.0.0.0/8", "loopback"},
                                             {"224.0.0.0/4", "multicast"},
                                             {"240.0.0.0/4", "reserved (class E)"},
                                             {"::1/128", "loopback"},
                                             {"ff00::/8", "multicast"},
                                             {"0.0.0.0/8", "\"this network\""}}};

Range complete(const RangeConf& conf) {
  const base::Prefix& subnet = *conf.subnet;
  const base::IpAddress first = subnet.address.plus(1);
  const base::IpAddress last = subnet.address.is_v4() ? subnet.last().plus(-1) : subnet.last();
  return {.subnet = subnet,
          .start = conf.start.value_or(first),
          .end = conf.end.value_or(last),
          .gateway = conf.gateway.value_or(first)};
}

std::string find_problem(const RangeConf& conf) {
  if (!conf.subnet) return "IP <nil> not v4 nor v6";
  const base::Prefix& subnet = *conf.subnet;
  if (subnet.length > subnet.address.bits() - 2)
    return "Network " + subnet.text() + " too small to allocate from";
  const base::Prefix network = subnet.network();
  if (network != subnet)
    return "Network has host bits set. For a subnet mask of length " +
           std::to_string(subnet.length) + " the network address is " + network.address.text();
  const std::string outside = " not in network " + subnet.text();
  const Range range = complete(conf);
  if (!subnet.contains(range.start) || (conf.start && conf.end && after(range.start, range.end)))
    return "RangeStart " + range.start.text() + outside;
  if (!subnet.contains(range.end) || after(range.start, range.end))
    return "RangeEnd " + range.end.text() + outside;
  for (const Unusable& each : kUnusable) {
    const base::Prefix prefix = *base::Prefix::parse(each.prefix);
    if (prefix.address.is_v4() == range.start.is_v4() && !after(range.start, prefix.last()) &&
        !after(prefix.address, range.end))
      return "Range " + range.text() + " has " + each.why + " addresses (" + each.prefix +
             "), which no pod can use";
  }
  return {};
}

bool overlap(const Range& a, const Range& b) {
  return a.start.is_v4() == b.start.is_v4() && !after(a.start, b.end) && !after(b.start, a.end);
}

bool overlap(const RangeSet& a, const RangeSet& b) {
  for (const Range& one : a.ranges)
    for (const Range& other : b.ranges)
      if (overlap(one, other)) return true;
  return false;
}

RangeSet complete(const RangeSetConf& conf) {
  RangeSet set;
  for (const RangeConf& range : conf) set.ranges.push_back(complete(range));
  return set;
}

std::string find_problem(const RangeSetConf& conf) {
  if (conf.empty()) return "empty range set";
  for (const RangeConf& range : conf) {
    std::string problem = find_problem(range);
    if (!problem.empty()) return problem;
    if (range.subnet->address.is_v4() != conf.front().subnet->address.is_v4())
      return "mixed address families";
  }
  const std::vector<Range> ranges = complete(conf).ranges;
  for (auto one = ranges.begin(); one != ranges.end(); ++one)
    for (auto other = one + 1; other != ranges.end(); ++other)
      if (overlap(*one, *other))
        return "subnets " + one->text() + " and " + other->text() + " overlap";
  return {};
}

/// The number of addresses in `range` that pods can get.
std::uint64_t size_of(const Range& range) {
  const auto first = range.start.bytes();
  const auto last = range.end.bytes();
  std::int64_t difference = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (difference >= std::int64_t{1} << 54) return kUncountable;
    difference = difference * 256 + last[i] - first[i];
  }
  return static_cast<std::uint64_t>(difference) + (range.contains(range.gateway) ? 0 : 1);
}

}  // namespace

bool Range::contains(const base::IpAddress& address) const {
  return address.is_v4() == start.is_v4() && start <= address && address <= end;
}

std::string Range::text() const {
  return start.text() + "-" + end.text();
}

const Range* RangeSet::find(const base::IpAddress& address) const {
  for (const Range& range : ranges)
    if (range.contains(address)) return &range;
  return nullptr;
}

std::uint64_t RangeSet::size() const {
  std::uint64_t sum = 0;
  for (const Range& range : ranges) {
    const std::uint64_t more = size_of(range);
    sum = more > kUncountable - sum ? kUncountable : sum + more;
  }
  return sum;
}

std::string RangeSet::text() const {
  std::string joined;
  for (const Range& range : ranges) joined += (joined.empty() ? "" : ",") + range.text();
  return joined;
}

std::string find_problem(const std::vector<RangeSetConf>& sets) {
  if (sets.empty()) return "no IP ranges specified";
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const std::string problem = find_problem(sets[i]);
    if (!problem.empty()) return "invalid range set " + std::to_string(i) + ": " + problem;
  }
  const std::vector<RangeSet> completed = complete(sets);
  for (std::size_t i = 0; i < completed.size(); ++i)
    for (std::size_t j = i + 1; j < completed.size(); ++j)
      if (overlap(completed[i], completed[j]))
        return "range set " + std::to_string(i) + " overlaps with " + std::to_string(j);
  return {};
}

std::vector<RangeSet> complete(const std::vector<RangeSetConf>& sets) {
  std::vector<RangeSet> completed;
  for (const RangeSetConf& set : sets) completed.push_back(complete(set));
  return completed;
}

}  // namespace ipam
