// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include "libcni/base/mac.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// macspoofchk: frames from a pod's bridge port with another source address than the pod's are
/// dropped. The objects in the bridge-family table `nat` have the names of the reference, so that
/// each suite removes those of the other.
namespace firewall {

/// Lets only `mac` in through bridge port `host_name`. Idempotent, one atomic transaction.
void add_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac);

/// Returns whether there was one. Call this before the slow work of a DEL: see nft::Nft::settle().
bool remove_mac_spoof_check(nft::Nft& nft, const Owner& owner);
bool remove_mac_spoof_check(const Owner& owner);  ///< on a socket of its own

/// CHECK. Throws std::runtime_error naming the missing object.
void check_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac);

/// GC: reads the checks of `network` that belong to none of `valid`; the returned step removes
/// them. Checks made in between stay, and those of the reference, which do not name their network.
[[nodiscard]] std::function<void()> find_stale_mac_spoof_checks(const std::string& network,
                                                                std::span<const Owner> valid);

}  // namespace firewall
