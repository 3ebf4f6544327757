// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// An element of one of the table's sets. Kept small, because there can be one for each node.
struct SetKey {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t size = 0;
  bool end = false;
  auto operator<=>(const SetKey&) const = default;

  nft::Bytes wire() const { return {bytes.begin(), bytes.begin() + size}; }
};
SetKey set_key(std::span<const std::uint8_t> bytes, bool end = false);

/// A set and its wanted elements, sorted.
struct WantedSet {
  nft::Set set;
  std::vector<SetKey> keys = {};
};

/// The sets that the table's rules use, and no others: the pods of this node (`own`), destinations
/// that see pod addresses (`direct`) and addresses that may send into the tunnel (`vteps`).
std::vector<WantedSet> wanted_sets(const Traffic& traffic);

/// The union of two sorted lists of elements.
std::vector<SetKey> unite(std::vector<SetKey> a, const std::vector<SetKey>& b, bool intervals);

}  // namespace fabric
