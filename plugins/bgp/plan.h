// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "libcni/attach/sandbox.h"
#include "libcni/attach/veth.h"
#include "libcni/firewall/owner.h"
#include "libcni/plugin/plugin.h"
#include "plugins/bgp/conf.h"

namespace bgp {

/// Indices of Result::interfaces, those of ptp.
enum : int { kHostInterface, kContainerInterface };

/// The pod's next hop: 169.254.1.1 or fe80::1, the same in every pod of every node.
const base::IpAddress& gateway_of(int family);
/// The MAC address of every host end, so that pods know it beforehand.
const base::Mac& gateway_mac();

/// What an attachment looks like once IPAM has answered.
struct Plan {
  attach::VethRequest veth;
  attach::SandboxPlan sandbox;
  std::vector<base::IpAddress> addresses;  ///< of the pod; the host has a route to each
  std::vector<int> families;               ///< of these, AF_INET first
  std::vector<base::Prefix> masquerade;
};

/// IPAM's result in this plugin's terms: each address alone (/32, /128), each route of these
/// families by our gateway, and a default route per family.
/// Where `taken` says that another interface has the default route of a family, ours comes after
/// it: what has the other's address would be dropped on our way.
cni::Result complete_result(const Conf& conf, cni::Result ipam, const std::vector<int>& taken = {});

/// `result` is completed, or the prevResult of CHECK.
Plan make_plan(const Conf& conf, const cni::Request& request, const cni::Result& result);

/// On the host: to the pod, tagged so that BIRD finds addresses outside of the node's ranges.
net::Route host_route(const base::IpAddress& address, int oif);

}  // namespace bgp
