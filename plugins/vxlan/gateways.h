// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "libcni/net/address.h"
#include "libcni/net/netlink.h"
#include "plugins/vxlan/conf.h"

namespace vxlan {

/// Whether there may be anything to do for remove_stale_gateways(), going by addresses of the host.
bool has_stale_gateway(std::span<const net::Address> addresses, const PodSide& side);

/// Takes from the pods' bridge the gateways of a range that the node had before, once no pod is
/// left on it: a node that was set up anew without a reboot. An address that is no gateway inside
/// the cluster's network is the operator's; then all stay, and bridge says what is in the way.
void remove_stale_gateways(net::Netlink& host, const std::string& bridge, const PodSide& side);

}  // namespace vxlan
