// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace vlan {

/// Plugin vlan: its functions, one for each verb.
const cni::Plugin& plugin();

}  // namespace vlan
