// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "libcni/fabric/desired.h"
#include "libcni/fabric/plan.h"
#include "libcni/net/address.h"
#include "libcni/net/netlink.h"

namespace fabric {

/// One change that brings the kernel closer to what is desired.
struct Change {
  enum class What { add, replace, remove };
  What what = What::add;
  std::string
      object;  ///< as a person names it: `route 10.244.2.0/24 via 10.244.2.0 dev plumb-vxlan`
  bool operator==(const Change&) const = default;
};

/// What an apply() did, or what a diff() would do.
struct Report {
  std::vector<Change> changes = {};        ///< of an apply() the first hundred
  std::size_t changed = 0;                 ///< all of them
  std::vector<std::string> errors = {};    ///< of objects that the kernel refused; the rest is done
  std::size_t desired = 0;                 ///< objects wanted
  std::size_t requests = 0;                ///< netlink requests that write
  std::size_t removed = 0;                 ///< of the changed ones
  double filter_seconds = 0;               ///< in nf_tables transactions; 0: there was none
  std::vector<base::Prefix> blocked = {};  ///< another program's route was there first
  bool operator==(const Report&) const = default;
};

/// Dumps, compares, and fixes what differs (multinode 5.2): FDB, neighbour, route when adding, the
/// other way when removing, replaced in place when changed. Only objects that carry this suite's
/// mark are ever removed: routes by protocol, neighbours and FDB entries by NDA_PROTOCOL or as
/// permanent entries of an own device, devices by name and alias, rules by table. Never throws for
/// a single object: see Report::errors. Throws std::system_error when the kernel cannot be read.
/// `netlink` is of the calling process's namespace, whose sysctls are set. An empty Desired removes
/// all of its scope. Sysctls of the machine are recorded in `record_folder`, unless empty, before
/// they change (sysctls.h). `lost` are destinations whose route another program has put into the
/// place of ours: it is taken back, while one that was there first stays.
Report apply(net::Netlink& netlink, const Desired& desired, const std::string& record_folder = {},
             const std::vector<base::Prefix>& lost = {});

/// The same without writing to the kernel. `record_folder`, unless empty, keeps what was right in
/// nf_tables, which is not read again before somebody changes anything there (TrafficRecord).
/// `addresses`, unless empty, are those of all links, for who has just read them.
Report diff(net::Netlink& netlink, const Desired& desired, const std::string& record_folder = {},
            std::span<const net::Address> addresses = {});

/// The link that has `address`, its MTU, or that of the default route's link where it leads nowhere
/// itself (lo, a dummy), and its connected subnets. Throws std::system_error
/// (EADDRNOTAVAIL) when no link has it.
Underlay find_underlay(net::Netlink& netlink, const base::IpAddress& address);
/// The same for who has read the addresses of all links.
Underlay find_underlay(net::Netlink& netlink, const base::IpAddress& address,
                       std::span<const net::Address> all);

}  // namespace fabric
