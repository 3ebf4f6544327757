// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "libcni/base/ip.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// All rules that an attachment of any interface plugin can have: masquerade by either backend, and
/// a MAC spoof check. A configuration can change between ADD and DEL, even its `type`, so DEL and
/// GC search all of them by owner.
namespace firewall {

/// DEL: opens `nft`, which the caller closes after the slow work that follows (Nft::settle).
/// Removes all it can, then throws the failures. `addresses` as for remove_masquerade(). On a node
/// without these tables it costs four requests to the kernel and starts no process.
void remove_attachment_rules(std::optional<nft::Nft>& nft, const Owner& owner,
                             std::span<const base::Prefix> addresses);

/// GC: reads the rules of `network` that belong to none of `valid`, before anything else is done;
/// the returned step removes them. Rules made in between stay.
[[nodiscard]] std::function<void()> find_stale_attachment_rules(const std::string& network,
                                                                std::span<const Owner> valid);

}  // namespace firewall
