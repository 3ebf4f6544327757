// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ptp {

/// Plugin ptp. The object has no state, so that another plugin can run it in process.
const cni::Plugin& plugin();

}  // namespace ptp
