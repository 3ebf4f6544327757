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

/// The result of an apply(), or what a diff() would change.
struct Report {
  std::vector<Change> changes = {};  ///< the first hundred of an apply()
  std::size_t changed = 0;           ///< number of all changes
  std::vector<std::string> errors =
      {};                     ///< one for each object that the kernel refused; the rest is done
  std::size_t desired = 0;    ///< objects wanted
  std::size_t requests = 0;   ///< netlink requests that write
  std::size_t removed = 0;    ///< how many of the changes were removals
  double filter_seconds = 0;  ///< spent in nf_tables transactions; 0: there was none
  std::vector<base::Prefix> blocked = {};  ///< destinations where another program's route was first
  bool operator==(const Report&) const = default;
};

/// Dumps the kernel's objects, compares them with `desired`, and fixes what differs. Objects are
/// added in the order FDB entry, neighbour, route, removed in the reverse order, and replaced in
/// place when they change. Removes only objects that carry this suite's mark: routes by protocol,
/// neighbours and FDB entries by NDA_PROTOCOL or as permanent entries of a device of its own,
/// devices by name and alias, rules by table. Never throws for a single object: see Report::errors.
/// Throws std::system_error when the kernel cannot be read. `netlink` belongs to the namespace of
/// the calling process, whose sysctls are set. An empty Desired removes all of its scope. Sysctls
/// of the machine are recorded in `record_folder`, unless empty, before they change (sysctls.h).
/// `lost` are destinations where another program has replaced our route: the route is taken back,
/// while a foreign route that was there first stays.
Report apply(net::Netlink& netlink, const Desired& desired, const std::string& record_folder = {},
             const std::vector<base::Prefix>& lost = {});

/// The same without writing to the kernel. `record_folder`, unless empty, records that nf_tables
/// was right; it is not read again until any program changes it (TrafficRecord). Callers that have
/// just read the addresses of all links pass them as `addresses`.
Report diff(net::Netlink& netlink, const Desired& desired, const std::string& record_folder = {},
            std::span<const net::Address> addresses = {});

/// The link that has `address`, its MTU, or that of the default route's link where it leads nowhere
/// itself (lo, a dummy), and its connected subnets. Throws std::system_error
/// (EADDRNOTAVAIL) when no link has it.
Underlay find_underlay(net::Netlink& netlink, const base::IpAddress& address);
/// The same for callers that have read the addresses of all links.
Underlay find_underlay(net::Netlink& netlink, const base::IpAddress& address,
                       std::span<const net::Address> all);

}  // namespace fabric
