// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>

#include "libcni/base/mac.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

/// macspoofchk: frames from a pod's bridge port with another source address than the pod's are
/// dropped. Objects of the bridge-family table `nat` are named as the reference names them, so that
/// each removes the other's (reference-plugins 2.1).
namespace firewall {

/// Lets only `mac` in through bridge port `host_name`. Idempotent, one atomic transaction.
void add_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac);

/// Returns whether there was one. See nft::Nft::settle(): call this before the slow work of a DEL.
bool remove_mac_spoof_check(nft::Nft& nft, const Owner& owner);
bool remove_mac_spoof_check(const Owner& owner);  ///< on a socket of its own

/// Throws std::system_error(ENOENT) naming what is missing.
void check_mac_spoof_check(const Owner& owner, const std::string& host_name, const base::Mac& mac);

/// GC: reads the checks of `network` that belong to none of `valid`; the step that it returns
/// removes them. What is made in between stays (S-203), and so do those of the reference, which
/// name no network.
[[nodiscard]] std::function<void()> find_stale_mac_spoof_checks(const std::string& network,
                                                                std::span<const Owner> valid);

}  // namespace firewall
