// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace cni {

/// The container's interface in prevResult: named CNI_IFNAME, its `sandbox` is the same namespace
/// as CNI_NETNS, compared by identity, not by path. Throws code 7 when there is none.
const Interface& require_sandbox_interface(const Request& request);

}  // namespace cni
