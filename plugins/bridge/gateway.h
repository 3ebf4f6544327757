// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/undo.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "plugins/bridge/plan.h"

namespace bridge {

/// Returns the bridge of `plan`; creates and sets it up if it is missing. Settings of an existing
/// bridge are not changed. Throws code 7 when the name belongs to another kind of link.
net::Link ensure_bridge(net::Netlink& host, const LinkPlan& plan, base::Undo& undo);

/// The host's leg in a VLAN of the bridge: a veth `<bridge>.<vlan>` whose peer is an access port.
/// Shared by all attachments of that VLAN and never removed, like the bridge.
net::Link ensure_vlan_link(net::Netlink& host, const net::Link& bridge, const Conf& conf);

/// Puts the gateway addresses on `link`, pins its MAC address and turns on forwarding. An other
/// IPv4 address, or a global IPv6 one of an overlapping subnet, is removed if `plan.force` is set,
/// and refused otherwise.
void ensure_gateways(net::Netlink& host, const net::Link& link, const AddressPlan& plan,
                     base::Undo& undo);

}  // namespace bridge
