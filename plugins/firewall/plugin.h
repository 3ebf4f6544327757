// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

/// The plugin's own code is in `firewall_plugin`: libcni/firewall has this name.
namespace firewall {

/// Plugin firewall: its functions, one for each verb.
const cni::Plugin& plugin();

}  // namespace firewall
