// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/fabric/apply.h"

namespace fabric {

/// Sends the difference between two plans of one scope to the kernel, in apply()'s order, before
/// apply() reads and compares thousands of objects. The caller runs apply() afterwards in any case.
/// Reads only the devices, and does nothing where they differ from `desired` or where the list of
/// nodes is an old one. Never replaces a route. Does not report refused objects as errors: apply()
/// finds what is still wrong.
Report apply_delta(net::Netlink& netlink, const Desired& before, const Desired& desired);

}  // namespace fabric
