// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/source/etcd/allocation.h"
#include "agent/source/etcd/view.h"

namespace agent::etcd {

/// What a node knows of itself before it reads the store.
struct Identity {
  std::string name;
  std::vector<base::IpAddress> addresses = {};
  std::vector<base::Prefix> ranges = {};  ///< that it had last
};

/// Whether `entry` is this node's: one by flannel, or a reservation, with one of its addresses; or
/// one by plumbd for which two of name, address and range are right. One alone is not enough: two
/// machines with one name or one address must not get one range.
bool owns(const Identity& self, const Entry& entry);

/// Whether `entry` names an address of `self`, whoever wrote it.
bool shares_address(const Identity& self, const Entry& entry);

/// What a node may choose from.
struct Supply {
  std::vector<base::Prefix> pinned = {};  ///< by its own configuration: these and no others
  std::vector<Pool> pools = {};
};

/// Whether `ranges` are what a node should have: one of each family that there is a pool for.
bool fits(const Supply& supply, const std::vector<base::Prefix>& ranges);

/// The ranges to ask for.
struct Choice {
  std::vector<base::Prefix> ranges = {};  ///< empty: there are none
  std::string problem = {};               ///< why not, or why not the last ones
};
/// The pinned ranges; or those that the node had, where they are free; or random free ones. Nothing
/// that another entry holds, by whatever size, and nothing around an address of a node. Pure.
Choice choose(const Identity& self, const Supply& supply, const View& view, std::uint64_t random);

/// The one who holds something of `range`: `node "b" (10.0.0.2)`, or the key; empty when it is
/// free.
std::string holder_of(const base::Prefix& range, const Identity& self, const View& view);

}  // namespace agent::etcd
