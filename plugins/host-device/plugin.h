// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace host_device {

/// Plugin host-device: its functions, one for each verb.
const cni::Plugin& plugin();

}  // namespace host_device
