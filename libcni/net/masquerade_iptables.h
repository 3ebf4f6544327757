// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/net/nft.h"
#include "libcni/net/owner.h"

/// The iptables side of masquerade.h: the reference's chains and rules, in its order
/// (reference-plugins 1.18). Two interfaces of one container on one network share a chain, since
/// its name has no interface in it.
namespace net::masquerade_iptables {

/// One iptables-restore per family that has addresses; adds only what is missing.
void add(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Knowing `addresses` leaves the container's other interfaces on the network alone.
bool remove(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
bool has(nft::Nft& nft, const Owner& owner, const base::Prefix& address);
/// Removes the chains of containers of `network` that are not `valid`.
void collect(nft::Nft& nft, const std::string& network,
             const std::function<bool(std::string_view container_id)>& valid);

}  // namespace net::masquerade_iptables
