// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace cni {

/// The container's interface in prevResult: named CNI_IFNAME, its `sandbox` the namespace of
/// CNI_NETNS by identity, not by text (S-189, S-222). Throws code 7 when there is none.
const Interface& require_sandbox_interface(const Request& request);

}  // namespace cni
