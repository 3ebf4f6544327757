// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/net/netlink.h"
#include "plugins/vxlan/conf.h"

namespace vxlan {

/// Takes from the pods' bridge the gateways of a range that the node had before, once no pod is
/// left on it: a node that was set up anew without a reboot. An address that is no gateway inside
/// the cluster's network is the operator's; then all stay, and bridge says what is in the way.
void remove_stale_gateways(net::Netlink& host, const std::string& bridge, const PodSide& side);

}  // namespace vxlan
