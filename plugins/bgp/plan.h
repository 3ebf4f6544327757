// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/attach/sandbox.h"
#include "libcni/attach/veth.h"
#include "libcni/firewall/owner.h"
#include "libcni/plugin/plugin.h"
#include "plugins/bgp/conf.h"

namespace bgp {

/// Indices of Result::interfaces, the same as in ptp.
enum : int { kHostInterface, kContainerInterface };

/// The pod's next hop: 169.254.1.1 or fe80::1, the same in every pod of every node.
const base::IpAddress& gateway_of(int family);
/// The MAC address of every host end, the same on all nodes, so that pods need not ask for it.
const base::Mac& gateway_mac();

/// The desired state of an attachment, after IPAM has answered.
struct Plan {
  attach::VethRequest veth;
  attach::SandboxPlan sandbox;
  std::vector<base::IpAddress> addresses;  ///< the pod's addresses; the host has a route to each
  std::vector<int> families;               ///< of these, AF_INET first
  std::vector<base::Prefix> masquerade;
};

/// IPAM's result in this plugin's terms: each address alone (/32, /128), each route of these
/// families by our gateway, and a default route per family. If another interface already has the
/// default route of a family (`taken`), ours gets a lower priority: packets with the other
/// interface's address would be dropped on our link.
cni::Result complete_result(const Conf& conf, cni::Result ipam, const std::vector<int>& taken = {});

/// `result` is the completed result of ADD, or prevResult on CHECK.
Plan make_plan(const Conf& conf, const cni::Request& request, const cni::Result& result);

/// The host's route to the pod, tagged so that BIRD also finds addresses outside of the node's
/// ranges.
net::Route host_route(const base::IpAddress& address, int oif);

}  // namespace bgp
