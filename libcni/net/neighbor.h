// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"
#include "libcni/net/netlink.h"

namespace net {

/// An entry of the ARP or NDP table of a link.
struct Neighbor {
  base::IpAddress address;
  base::Mac mac;
  std::uint8_t protocol = 0;  ///< NDA_PROTOCOL: the program that made it (kernel 5.0)
  bool permanent = true;
  bool operator==(const Neighbor&) const = default;
};
/// The neighbours of the link that have a MAC address, both families.
std::vector<Neighbor> list_neighbors(Netlink& netlink, int index);
/// Adds a permanent neighbour, or replaces the one of that address in place.
void put_neighbor(Pipeline& pipeline, int index, const Neighbor& neighbor);
void remove_neighbor(Pipeline& pipeline, int index, const Neighbor& neighbor);

/// The use of the kernel's neighbour table for AF_INET or AF_INET6; all network namespaces share
/// one table.
struct NeighborTable {
  int family = 0;
  std::uint32_t entries = 0;  ///< including permanent ones, which the limit does not count
  std::uint32_t limit = 0;    ///< gc_thresh3: above it the kernel learns no more
};
std::vector<NeighborTable> list_neighbor_tables(Netlink& netlink);

/// The remote address to which a VXLAN device sends frames for a MAC address. The all-zero MAC has
/// one entry for each destination of flooded frames; any other MAC has one entry.
struct VxlanFdbEntry {
  base::Mac mac;
  base::IpAddress remote;
  bool permanent = true;
  bool operator==(const VxlanFdbEntry&) const = default;
};
/// The device's own table; not the table of its bridge.
std::vector<VxlanFdbEntry> list_vxlan_fdb(Netlink& netlink, int index);
/// Adds a permanent entry, or replaces the one of that MAC in place. vxlan does not store
/// NDA_PROTOCOL (kernel 6.18): the owner of the device owns its entries.
void put_vxlan_fdb(Pipeline& pipeline, int index, const VxlanFdbEntry& entry);
void remove_vxlan_fdb(Pipeline& pipeline, int index, const VxlanFdbEntry& entry);

}  // namespace net
