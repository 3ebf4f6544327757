// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace portmap {

/// Plugin portmap: its functions, one for each verb.
const cni::Plugin& plugin();

}  // namespace portmap
