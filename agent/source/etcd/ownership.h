// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/source/etcd/allocation.h"
#include "agent/source/etcd/view.h"

namespace agent::etcd {

/// A node's identity before it reads the store.
struct Identity {
  std::string name;
  std::vector<base::IpAddress> addresses = {};
  std::vector<base::Prefix> ranges = {};  ///< the last ones
};

/// Returns whether `entry` is this node's: an entry of flannel or a reservation with one of its
/// addresses, or an entry of plumbd where two of name, address and range match. One match is not
/// enough: two machines with one name or one address must not get one range.
bool owns(const Identity& self, const Entry& entry);

/// Returns whether `entry` names an address of `self`, whichever program wrote it.
bool shares_address(const Identity& self, const Entry& entry);

/// The ranges that a node may choose from.
struct Supply {
  std::vector<base::Prefix> pinned = {};  ///< only these, set in the node's own configuration
  std::vector<Pool> pools = {};
};

/// Returns whether `ranges` are what a node should have: one of each family that has a pool.
bool fits(const Supply& supply, const std::vector<base::Prefix>& ranges);

/// A key below subnets(), and its entry.
using KeyedEntry = std::pair<const std::string, Entry>;

/// This node's entry with ranges that fit `supply`: the one with the key `last`; else the one with
/// the node's last ranges; else the newest. nullptr without any. Valid until the view changes.
const KeyedEntry* find_own(const Identity& self, const Supply& supply, const View& view,
                           const std::string& last);

/// An entry of this node, written by plumbd, under another key than `kept` and for none of the
/// ranges in `former`; nullptr without any. Valid until the view changes.
const KeyedEntry* find_given_up(const Identity& self, const View& view, const std::string& kept,
                                const std::vector<base::Prefix>& former);

/// The ranges to ask for.
struct Choice {
  std::vector<base::Prefix> ranges = {};  ///< empty: there are none
  std::string problem = {};               ///< why there are none, or why they are not the last ones
};
/// Chooses the pinned ranges, else the node's last ones where they are free, else random free ones.
/// Never chooses a range that overlaps another entry or contains an address of a node. Pure.
Choice choose(const Identity& self, const Supply& supply, const View& view, std::uint64_t random);

/// The holder of a part of `range`: `node "b" (10.0.0.2)`, or the key; empty when it is free.
std::string holder_of(const base::Prefix& range, const Identity& self, const View& view);

}  // namespace agent::etcd
