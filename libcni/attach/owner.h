// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/firewall/owner.h"
#include "libcni/plugin/plugin.h"

namespace attach {

/// The attachment that `request` is about.
inline firewall::Owner owner_of(const cni::Request& request) {
  return {request.network, request.container_id, request.ifname};
}

}  // namespace attach
