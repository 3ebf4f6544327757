// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/fabric/apply.h"

namespace fabric {

/// A head start for apply(), which comes after it in any case: what differs between two plans of
/// one scope goes to the kernel in apply()'s order, before thousands of objects are read and
/// compared. Nothing is read but the devices, and where those are not as `desired` says, nothing is
/// done. Neither is it with an old list of nodes, nor is a route ever replaced. Refused objects are
/// no errors here: apply() finds what is still wrong.
Report apply_delta(net::Netlink& netlink, const Desired& before, const Desired& desired);

}  // namespace fabric
