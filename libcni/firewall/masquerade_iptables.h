// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// The iptables side of masquerade.h: the reference's chains and rules, in its order
/// (reference-plugins 1.18). Two interfaces of one container on one network share a chain, since
/// its name has no interface in it.
namespace firewall::masquerade_iptables {

/// One iptables-restore per family that has addresses; adds only what is missing. Throws
/// std::system_error(EIO) when the tool reports success without having done it.
void add(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Knowing `addresses` leaves the container's other interfaces on the network alone.
bool remove(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Whether packets from `address` that leave its network are masqueraded by the chain of `owner`.
bool has(nft::Nft& nft, const Owner& owner, const base::Prefix& address);

/// The chains of containers of `network` that are not `valid`: the same names in both families.
std::set<std::string> list_stale(nft::Nft& nft, const std::string& network,
                                 const std::function<bool(std::string_view container_id)>& valid);
/// Removes `chains` and what leads to them.
void collect(nft::Nft& nft, const std::set<std::string>& chains);

}  // namespace firewall::masquerade_iptables
