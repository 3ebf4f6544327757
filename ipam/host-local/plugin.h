// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_host_local {

/// IPAM plugin host-local. The object has no state, so that another plugin can run it in process.
const cni::Plugin& plugin();

/// The plugin when it runs as a process of its own: ADD replaces a stale reservation of the same
/// attachment. In process the interface plugin decides that (cni::Ipam::add).
const cni::Plugin& executable();

}  // namespace ipam_host_local
