// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_host_local {

/// IPAM plugin host-local; without state of its own, so that another plugin can run it in process.
const cni::Plugin& plugin();

}  // namespace ipam_host_local
