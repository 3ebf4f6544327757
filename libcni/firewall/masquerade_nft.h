// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/firewall/addition.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// The nf_tables backend of masquerade.h. Table, chains, hook and comments are those of the
/// reference, so that each suite finds the rules of the other. Where the reference adds a rule per
/// address, one set per family and prefix length holds `address . its network`, and one rule per
/// set masquerades packets from an address of the set that leave its network. Adding an address
/// adds one element, however many addresses there are. If another attachment already has the
/// element (the same subnet on two bridges, or one static address for two pods), the next
/// attachment gets a separate rule in the form of the reference, so that each can be removed
/// without the other.
namespace firewall::masquerade_nft {

/// Puts the masquerade of `addresses` into the batch. Returns whether the batch depends on what was
/// read: then commit it with the generation from before this call.
bool put(const Addition& to, const Owner& owner, std::span<const base::Prefix> addresses);
/// Returns whether `owner` had anything, elements or rules of the reference.
bool remove(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Returns whether packets from `address` that leave its network are masqueraded, for any owner.
bool has(nft::Nft& nft, const base::Prefix& address);

/// The comments of elements and rules for which `is_stale` holds.
std::set<std::string, std::less<>> list_comments(
    nft::Nft& nft, const std::function<bool(std::string_view comment)>& is_stale);
/// Removes all elements and rules whose comment is one of `comments`.
void collect(nft::Nft& nft, const std::set<std::string, std::less<>>& comments);

}  // namespace firewall::masquerade_nft
