// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/attach/sandbox.h"
#include "libcni/attach/veth.h"
#include "libcni/net/bridge_port.h"
#include "libcni/net/link.h"
#include "libcni/plugin/plugin.h"
#include "plugins/bridge/conf.h"

namespace bridge {

/// Indices of Result::interfaces. Chained plugins, such as the reference's firewall and bandwidth,
/// rely on this order.
enum : int { kBridgeInterface, kHostInterface, kContainerInterface, kGatewayInterface };

/// The part of the plan that is known before IPAM answers: bridge, pair, port.
struct LinkPlan {
  net::BridgeSpec bridge;
  bool promisc = false;
  attach::VethRequest veth;
  net::PortFlags port;
  bool sets_vlans = false;  ///< the port's VLANs become exactly `vlans` and those to be preserved
  bool keeps_default_vlan = false;
  std::vector<net::PortVlan> vlans;
};

/// The part of the plan that follows from IPAM's answer.
struct AddressPlan {
  attach::SandboxPlan sandbox;
  std::string gateway_link;                     ///< the bridge, or `<bridge>.<vlan>`
  std::vector<base::Prefix> gateways;           ///< IPv4 before IPv6
  bool force_address = false;                   ///< replace other addresses of the gateway link
  std::vector<base::Prefix> other_ranges = {};  ///< ranges whose addresses the gateway link keeps
  std::vector<base::Prefix> masquerade;
  bool operator==(const AddressPlan&) const = default;
};

LinkPlan make_link_plan(const Conf& conf, const cni::Request& request);

/// Completes IPAM's result with interface indices, gateways, default routes and DNS as configured;
/// `interfaces` is still empty.
cni::Result complete_result(const Conf& conf, cni::Result ipam);

/// `result` is the completed result of ADD, or prevResult on CHECK.
AddressPlan make_address_plan(const Conf& conf, const cni::Request& request,
                              const cni::Result& result);

}  // namespace bridge
