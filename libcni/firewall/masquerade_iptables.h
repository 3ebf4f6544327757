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

/// The iptables backend of masquerade.h: the chains and rules of the reference, in its order. Two
/// interfaces of one container on one network share a chain, because its name does not contain the
/// interface.
namespace firewall::masquerade_iptables {

/// One iptables-restore per family that has addresses; adds only what is missing. Throws
/// std::system_error(EIO) when the tool reports success without having done it.
void add(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// With `addresses`, the rules of the container's other interfaces on the network stay.
bool remove(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Returns whether the chain of `owner` masquerades packets from `address` that leave its network.
bool has(nft::Nft& nft, const Owner& owner, const base::Prefix& address);

/// The chains of containers of `network` that are not `valid`: the same names in both families.
std::set<std::string> list_stale(nft::Nft& nft, const std::string& network,
                                 const std::function<bool(std::string_view container_id)>& valid);
/// Removes `chains` and the rules that jump to them.
void collect(nft::Nft& nft, const std::set<std::string>& chains);

}  // namespace firewall::masquerade_iptables
