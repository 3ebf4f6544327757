// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_static {

/// IPAM plugin static: gives the addresses of the configuration. The object has no state, so that
/// another plugin can run it in process.
const cni::Plugin& plugin();

}  // namespace ipam_static
