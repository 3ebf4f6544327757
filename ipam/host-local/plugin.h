// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_host_local {

/// IPAM plugin host-local; without state of its own, so that another plugin can run it in process.
const cni::Plugin& plugin();

/// The same as a process of its own: ADD replaces a reservation of the same attachment that
/// outlived it (P9). In process that is for the interface plugin to say (cni::Ipam::add).
const cni::Plugin& executable();

}  // namespace ipam_host_local
