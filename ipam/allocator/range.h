// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"

namespace ipam {

/// A range as written in the configuration.
struct RangeConf {
  std::optional<base::Prefix> subnet = {};
  std::optional<base::IpAddress> start = {};
  std::optional<base::IpAddress> end = {};
  std::optional<base::IpAddress> gateway = {};
};
using RangeSetConf = std::vector<RangeConf>;

/// The addresses `start` to `end`, both included, without the gateway, which may lie elsewhere.
struct Range {
  base::Prefix subnet;
  base::IpAddress start;
  base::IpAddress end;
  base::IpAddress gateway;

  /// Between start and end; the gateway counts.
  bool contains(const base::IpAddress& address) const;
  std::string text() const;  ///< `start-end`
  bool operator==(const Range&) const = default;
};

/// Ranges of one family, walked one after the other, that give an attachment one address.
struct RangeSet {
  std::vector<Range> ranges;

  const Range* find(const base::IpAddress& address) const;
  /// The number of addresses that pods can get; saturates at the maximum of the type.
  std::uint64_t size() const;
  std::string text() const;  ///< the ranges, comma separated
};

/// The reason why `sets` cannot be used, in the words of the reference plugin; empty when they can.
std::string find_problem(const std::vector<RangeSetConf>& sets);

/// Returns `sets` with the defaults filled in: gateway and start are the first address of the
/// subnet, end is the last, in IPv4 the one before. `sets` must be free of problems.
std::vector<RangeSet> complete(const std::vector<RangeSetConf>& sets);

}  // namespace ipam
