// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/base/boot_time.h"

namespace attach {

/// A name for a new host end: `veth` and 8 hex digits, as the reference names them
/// (reference-plugins 1.10). The digits tell when it was made, in units of 0.1 ms since boot, by
/// which GC spares what is newer than itself (S-203): the kernel keeps no such time, and the wall
/// clock can be set. Different at each call, but not unique on a host: S-162.
std::string make_host_end_name();

/// Whether a link of this name was made at `moment` or later. The digits begin anew after 5 days:
/// an older link, or one that another program named, can pass for a newer one, with a chance of the
/// time since `moment` to 5 days.
bool is_made_since(const std::string& name, base::BootTime moment);

}  // namespace attach
