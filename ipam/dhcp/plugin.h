// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_dhcp {

/// IPAM plugin dhcp: asks the daemon of this node, which gets the address from a DHCP server over
/// the pod's own link.
const cni::Plugin& plugin();

}  // namespace ipam_dhcp
