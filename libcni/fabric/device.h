// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "libcni/fabric/desired.h"
#include "libcni/fabric/run.h"

namespace fabric {

/// Makes sure that the device exists and is up. Recreates it where a property differs that cannot
/// be changed later, and changes it in place otherwise. Returns its index, 0 in a dry run that
/// would create it, or nothing where it cannot be created, which is reported.
std::optional<int> ensure_device(Run& run, const VxlanDevice& wanted);

/// Removes this scope's devices that are not among `overlays`. `in_the_way`: only those whose VNI
/// and port a wanted device needs; the others may carry packets until their routes are replaced.
void remove_stale_devices(Run& run, std::span<const Overlay> overlays, bool in_the_way);

/// Turns on forwarding for the families of the routes. Links that have IPv6 routes by router
/// advertisements keep accepting these.
void ensure_forwarding(Run& run, const Desired& desired);

}  // namespace fabric
