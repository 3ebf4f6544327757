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
  std::uint8_t protocol = 0;  ///< NDA_PROTOCOL: who made it (kernel 5.0)
  bool permanent = true;
  bool operator==(const Neighbor&) const = default;
};
/// Those of the link that have a MAC address, both families.
std::vector<Neighbor> list_neighbors(Netlink& netlink, int index);
/// Adds a permanent one, or replaces in place what the address has.
void put_neighbor(Pipeline& pipeline, int index, const Neighbor& neighbor);
void remove_neighbor(Pipeline& pipeline, int index, const Neighbor& neighbor);

/// How full the kernel's table for AF_INET or AF_INET6 is: one table for all network namespaces.
struct NeighborTable {
  int family = 0;
  std::uint32_t entries = 0;  ///< permanent ones, which the limit does not count, among them
  std::uint32_t limit = 0;    ///< gc_thresh3: above it the kernel learns no more
};
std::vector<NeighborTable> list_neighbor_tables(Netlink& netlink);

/// Where a VXLAN device sends frames for a MAC. The all-zero MAC has one entry for each place that
/// flooded frames go to; any other has one.
struct VxlanFdbEntry {
  base::Mac mac;
  base::IpAddress remote;
  bool permanent = true;
  bool operator==(const VxlanFdbEntry&) const = default;
};
/// The device's own table; not that of the bridge it may be a port of.
std::vector<VxlanFdbEntry> list_vxlan_fdb(Netlink& netlink, int index);
/// Adds a permanent one, or replaces in place where the MAC's frames go. vxlan keeps no
/// NDA_PROTOCOL (kernel 6.18): whose an entry is, the device tells.
void put_vxlan_fdb(Pipeline& pipeline, int index, const VxlanFdbEntry& entry);
void remove_vxlan_fdb(Pipeline& pipeline, int index, const VxlanFdbEntry& entry);

}  // namespace net
