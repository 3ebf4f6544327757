// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/batch.h"
#include "libcni/net/netlink.h"

namespace net {

struct Address {
  int index = 0;  ///< of the link
  base::Prefix prefix;
  bool tentative = false;   ///< IPv6: duplicate address detection has not ended
  bool dad_failed = false;  ///< IPv6: another host has the address
  bool secondary = false;   ///< IPv4: not the first of its subnet; IPv6: temporary (RFC 8981)
  bool deprecated = false;  ///< not for new connections
  bool operator==(const Address&) const = default;
};

enum class Dad { kernel_default, skip };

/// Adds the address; IPv4 below /31 gets its broadcast address. Throws EEXIST when present.
void add_address(Netlink& netlink, int index, const base::Prefix& prefix, Dad dad);
/// The same without duplicate address detection. Returns false when the address exists: IPv4 with
/// this prefix length, IPv6 with any.
bool ensure_address(Netlink& netlink, int index, const base::Prefix& prefix);
/// The same two with others in one batch.
void put_address(Batch& batch, int index, const base::Prefix& prefix, Dad dad);
void put_missing_address(Batch& batch, int index, const base::Prefix& prefix);
/// Returns false when the address did not exist.
bool remove_address(Netlink& netlink, int index, const base::Prefix& prefix);
/// Addresses of one link, both families.
std::vector<Address> list_addresses(Netlink& netlink, int index);
/// Addresses of every link, both families.
std::vector<Address> list_addresses(Netlink& netlink);

/// Waits until no IPv6 address of the link is tentative. Throws EADDRINUSE when a duplicate was
/// found, ETIMEDOUT after `milliseconds`. `netlink` was opened in `netns`.
void wait_dad(Netlink& netlink, const base::Netns& netns, int index, int milliseconds);

/// Waits until the kernel accepts packets to `address` of the link. For IPv6 it does so a moment
/// after the address was added, from a work queue (addrconf_dad_work), also without duplicate
/// address detection, and no flag of the address shows it. Throws ETIMEDOUT after 5 s. `netlink`
/// was opened in `netns`; null: the caller's namespace.
void wait_local(Netlink& netlink, const base::Netns* netns, int index,
                const base::IpAddress& address);

}  // namespace net
