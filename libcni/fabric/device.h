// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "libcni/fabric/desired.h"
#include "libcni/fabric/run.h"

namespace fabric {

/// Brings the device about and up: made anew where what it keeps for life differs, else changed in
/// place. Returns its index, 0 in a dry run that would make it, or nothing where it cannot be,
/// which is reported.
std::optional<int> ensure_device(Run& run, const VxlanDevice& wanted);

/// Removes this scope's devices that are not among `overlays`. `in_the_way`: only those whose VNI
/// and port a wanted one needs; the others may carry packets until their routes are replaced.
void remove_stale_devices(Run& run, std::span<const Overlay> overlays, bool in_the_way);

/// Turns on forwarding for the families of the routes. Links that have IPv6 routes by router
/// advertisements keep accepting these.
void ensure_forwarding(Run& run, const Desired& desired);

}  // namespace fabric
