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

/// The nf_tables side of masquerade.h. Table, chains, hook and comments are the reference's, so
/// that both find each other's rules. Where the reference adds a rule per address, one set per
/// family and prefix length holds `address . its network`, and one rule per set masquerades what
/// comes from an address of the set and does not stay in the network that the set has for it.
/// Adding an address adds one element, whatever is there already. Where another attachment has the
/// element (the same subnet on two bridges, or one static address for two pods), the next one gets
/// a rule of its own in the reference's words, so that each can go without the other.
namespace firewall::masquerade_nft {

void add(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Returns whether there was anything of `owner`, in sets or as the reference's rules.
bool remove(nft::Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses);
/// Whether packets from `address` that leave its network are masqueraded, on behalf of any owner.
bool has(nft::Nft& nft, const base::Prefix& address);

/// Comments that `is_stale`, of elements and of rules.
std::set<std::string, std::less<>> list_comments(
    nft::Nft& nft, const std::function<bool(std::string_view comment)>& is_stale);
/// Removes all whose comment is one of `comments`.
void collect(nft::Nft& nft, const std::set<std::string, std::less<>>& comments);

}  // namespace firewall::masquerade_nft
