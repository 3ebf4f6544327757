// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// An element of one of the table's sets. Kept small, because there can be one for each node.
struct SetKey {
  std::array<std::uint8_t, 32> bytes{};  // two IPv6 addresses
  std::uint8_t size = 0;
  bool end = false;
  auto operator<=>(const SetKey&) const = default;

  nft::Bytes wire() const { return {bytes.begin(), bytes.begin() + size}; }
};
SetKey set_key(std::span<const std::uint8_t> bytes, bool end = false);

/// Sources inside the tunnel's packets that one set holds: it is asked for a packet's sender and
/// the network of its inner source. Most clusters have one length per family; so a look-up needs no
/// set of ranges, which costs more per packet and per change.
struct TunnelShape {
  int outer;   ///< AF_INET or AF_INET6, of the sender
  int inner;   ///< of the packet inside
  int length;  ///< of the inner network
  auto operator<=>(const TunnelShape&) const = default;
};
std::set<TunnelShape> shapes_of(const Traffic& traffic);
/// The name of its set, such as "sources4in4_24".
std::string set_name(const TunnelShape& shape);
/// The shapes whose sets are among `names`.
std::set<TunnelShape> find_shapes(const std::vector<std::string>& names);

/// A set and its wanted elements, sorted.
struct WantedSet {
  nft::Set set;
  std::vector<SetKey> keys = {};
};

/// The sets that the table's rules use, and no others: the pods of this node (`own`), destinations
/// that see pod addresses (`direct`), addresses that may send into the tunnel (`vteps`), the other
/// nodes where there is BGP (`speakers`), and a set for each of `shapes`, which contain
/// shapes_of(traffic).
std::vector<WantedSet> wanted_sets(const Traffic& traffic, const std::set<TunnelShape>& shapes);

/// The union of two sorted lists of elements.
std::vector<SetKey> unite(std::vector<SetKey> a, const std::vector<SetKey>& b, bool intervals);

}  // namespace fabric
