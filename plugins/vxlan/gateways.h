// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "libcni/net/address.h"
#include "libcni/net/netlink.h"
#include "plugins/vxlan/conf.h"

namespace vxlan {

/// Returns whether remove_stale_gateways() may have something to do, judged by the host's
/// addresses.
bool has_stale_gateway(std::span<const net::Address> addresses, const PodSide& side);

/// Removes from the pods' bridge the gateways of ranges that the node had before, when no pod is
/// left on the bridge: the node was set up anew without a reboot. Any other address than a gateway
/// inside the cluster's network belongs to the operator; then all addresses stay, and bridge
/// reports the conflict.
void remove_stale_gateways(net::Netlink& host, const std::string& bridge, const PodSide& side);

}  // namespace vxlan
