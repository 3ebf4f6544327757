// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/net/link.h"
#include "libcni/plugin/plugin.h"

namespace bandwidth {

/// The host's end of the pod's veth pair, which prevResult must list. Throws cni::Error(7) when the
/// pod's link is not a veth or its other end is not on this host.
net::Link get_host_end(net::Netlink& host, const cni::Request& request);

}  // namespace bandwidth
