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

/// Indices of Result::interfaces, an order that others rely on (reference-plugins section 7.9).
enum : int { kBridgeInterface, kHostInterface, kContainerInterface, kGatewayInterface };

/// What is known before IPAM answers: bridge, pair, port.
struct LinkPlan {
  net::BridgeSpec bridge;
  bool promisc = false;
  attach::VethRequest veth;
  net::PortFlags port;
  bool sets_vlans =
      false;  ///< the port's VLANs become exactly `vlans`, beside what is to be preserved
  bool keeps_default_vlan = false;
  std::vector<net::PortVlan> vlans;
};

/// What follows from IPAM's answer.
struct AddressPlan {
  attach::SandboxPlan sandbox;
  std::string gateway_link;                     ///< the bridge, or `<bridge>.<vlan>`
  std::vector<base::Prefix> gateways;           ///< IPv4 before IPv6
  bool force_address = false;                   ///< replace other addresses of the gateway link
  std::vector<base::Prefix> other_ranges = {};  ///< whose addresses it keeps
  std::vector<base::Prefix> masquerade;
  bool operator==(const AddressPlan&) const = default;
};

LinkPlan make_link_plan(const Conf& conf, const cni::Request& request);

/// IPAM's result with interface indices, gateways, default routes and DNS as the configuration
/// wants them; `interfaces` is still empty (reference-plugins 2.1, step 8).
cni::Result complete_result(const Conf& conf, cni::Result ipam);

/// `result` is completed, or the prevResult of CHECK.
AddressPlan make_address_plan(const Conf& conf, const cni::Request& request,
                              const cni::Result& result);

}  // namespace bridge
