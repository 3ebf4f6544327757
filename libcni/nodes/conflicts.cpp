// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "libcni/nodes/node_list.h"

namespace nodes {
namespace {

/// A value that only one node may have, and the node that has it.
struct Claim {
  std::string what;
  std::string node;
  auto operator<=>(const Claim&) const = default;
};

void report_same(std::vector<Claim> claims, std::vector<std::string>& lines) {
  std::ranges::sort(claims);
  for (std::size_t i = 1; i < claims.size(); ++i)
    if (claims[i].what == claims[i - 1].what)
      lines.push_back("nodes " + json::quote(claims[i - 1].node) + " and " +
                      json::quote(claims[i].node) + " have the same " + claims[i].what);
}

struct Range {
  base::Prefix prefix;
  const fabric::Node* node;
};

/// Two prefixes are nested or disjoint: in this order each one follows the one that contains it.
bool comes_before(const Range& a, const Range& b) {
  return std::tie(a.prefix.address, a.prefix.length) < std::tie(b.prefix.address, b.prefix.length);
}

void report_overlaps(std::vector<Range> ranges, std::vector<std::string>& lines) {
  std::ranges::sort(ranges, comes_before);
  const Range* outer = nullptr;
  for (const Range& range : ranges) {
    if (outer == nullptr || !outer->prefix.contains(range.prefix.address)) {
      outer = &range;
    } else if (outer->node != range.node) {
      lines.push_back("nodes " + json::quote(outer->node->name) + " and " +
                      json::quote(range.node->name) + " have overlapping ranges " +
                      outer->prefix.text() + " and " + range.prefix.text());
    }
  }
}

}  // namespace

std::vector<std::string> find_conflicts(const std::vector<fabric::Node>& nodes) {
  std::vector<Claim> names;
  std::vector<Claim> addresses;
  std::vector<Range> ranges;
  for (const fabric::Node& node : nodes) {
    names.push_back({"name " + node.name, node.name});
    for (const base::IpAddress& address : node.addresses)
      addresses.push_back({"address " + address.text(), node.name});
    for (const base::Prefix& prefix : node.ranges) ranges.push_back({prefix, &node});
  }
  std::vector<std::string> lines;
  report_same(std::move(names), lines);
  report_same(std::move(addresses), lines);
  report_overlaps(std::move(ranges), lines);
  return lines;
}

}  // namespace nodes
