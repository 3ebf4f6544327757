// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_static {

/// IPAM plugin static: the configuration's addresses, no state, so that another plugin can run it
/// in process.
const cni::Plugin& plugin();

}  // namespace ipam_static
