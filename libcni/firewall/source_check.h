// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"
#include "libcni/firewall/addition.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// spoofCheck: packets of a pod with another source address than its own are dropped where they
/// enter the host; on a bridge also frames with another MAC address, ARP and neighbour
/// advertisements for other addresses. Of packets with its own address, these are dropped: router
/// advertisements, redirects, answers of DHCP servers, and source routes.
///
/// Two tables named `plumb_links` hold the same rules for all pods, and sets of what each pod may
/// send: `bridge` for ports of a bridge, `inet` for routed links. The cost of a packet does not
/// depend on the number of pods.
namespace firewall {

/// The host's end of a pod's link, and the addresses that the pod sends from.
struct PodLink {
  std::string host_end;  ///< its name begins with "veth"
  std::vector<base::IpAddress> addresses;
  /// The pod's MAC address where the host's end is a port of a bridge; `addresses` must contain the
  /// pod's link-local one. Absent for a routed link, where any link-local address is allowed.
  std::optional<base::Mac> bridged = {};
};

/// Puts the check into the batch, with everything that it needs and that is missing. Where an
/// earlier try failed, elements of an earlier link of that name are looked for and removed. Returns
/// whether the batch depends on what was read: then commit it with the generation from before this
/// call.
bool put_source_check(const Addition& to, const Owner& owner, const PodLink& link);

/// Removes what `owner` has. `known` saves reading the elements of all pods; a wrong one does no
/// harm. Returns whether there was anything. Call this before the slow work of a DEL: see
/// nft::Nft::settle().
bool remove_source_check(nft::Nft& nft, const Owner& owner, const std::optional<PodLink>& known);

/// Returns whether `owner` has any element.
bool has_source_check(const Owner& owner);
/// CHECK. Throws std::runtime_error naming the missing object.
void check_source_check(const Owner& owner, const PodLink& link);

/// GC: reads the checks of `network` that belong to none of `valid`; the returned step removes
/// them. Checks made in between stay.
[[nodiscard]] std::function<void()> find_stale_source_checks(const std::string& network,
                                                             std::span<const Owner> valid);

}  // namespace firewall
