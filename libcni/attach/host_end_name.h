// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/base/boot_time.h"

namespace attach {

/// A name for a new host end: `veth` and 8 hex digits, as the reference names them. The digits are
/// its creation time, in units of 0.1 ms since boot, by which GC spares links that are newer than
/// itself: the kernel does not record that time, and the wall clock can be set. Different at each
/// call, but not unique on a host: the caller retries when the name is taken.
std::string make_host_end_name();

/// Returns whether a link of this name was made at `moment` or later. The digits wrap around after
/// 5 days: an older link, or one that another program named, is taken for a newer one with a
/// probability of (time since `moment`) / (5 days).
bool is_made_since(const std::string& name, base::BootTime moment);

}  // namespace attach
