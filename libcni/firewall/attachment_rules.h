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
/// a MAC spoof check. Configurations change between ADD and DEL, also `type`, so that DEL and GC go
/// by owner over all of them.
namespace firewall {

/// DEL: opens `nft`, which is to be closed after the slow work that follows (Nft::settle). Does all
/// it can before it throws. `addresses` as for remove_masquerade(). A node that has none of these
/// tables is asked four questions, and no process is started.
void remove_attachment_rules(std::optional<nft::Nft>& nft, const Owner& owner,
                             std::span<const base::Prefix> addresses);

/// GC: reads what belongs to `network` and to none of `valid`, before anything else is done; the
/// step that it returns removes that. What is made in between stays (S-203).
[[nodiscard]] std::function<void()> find_stale_attachment_rules(const std::string& network,
                                                                std::span<const Owner> valid);

}  // namespace firewall
