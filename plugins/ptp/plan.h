// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/attach/sandbox.h"
#include "libcni/attach/veth.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/plugin/plugin.h"

namespace ptp {

/// Indices of Result::interfaces, in the order of the reference.
enum : int { kHostInterface, kContainerInterface };

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  bool ip_masq = false;
  firewall::MasqueradeBackend masq_backend = {};
  std::optional<int> mtu = {};
  bool accept_ra = false;
  bool spoof_check = false;
  std::optional<cni::Dns> dns = {};  ///< replaces IPAM's
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ipMasq:bool ipMasqBackend:string(nftables|iptables) mtu:int(0..65535) spoofCheck:bool"
    " acceptRa:bool ipam:object dns.nameservers[]:string dns.domain:string"
    " dns.search[]:string dns.options[]:string";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// One address on the wire: packets to all addresses but the gateway go through the gateway, which
/// is the host's end, also those to the same subnet.
struct Leg {
  base::Prefix address;
  base::IpAddress gateway;
  bool operator==(const Leg&) const = default;
};

/// The desired state of an attachment, after IPAM has answered.
struct Plan {
  attach::VethRequest veth;
  attach::SandboxPlan sandbox;
  std::vector<Leg> legs;
  std::vector<base::Prefix> masquerade;
};

/// Completes IPAM's result with interface indices, gateways of default routes and DNS. Throws code
/// 7 when an address has no gateway: without one the pod reaches nothing but the host's end.
cni::Result complete_result(const Conf& conf, cni::Result ipam);

/// `result` is the completed result of ADD, or prevResult on CHECK.
Plan make_plan(const Conf& conf, const cni::Request& request, const cni::Result& result);

/// The routes inside the sandbox: the gateway on the link, the subnet through the gateway.
std::vector<net::Route> sandbox_routes(const Leg& leg, int oif);
/// The route inside the sandbox that the kernel made with the address, to be deleted.
net::Route connected_route(const Leg& leg, int oif);
/// The host's routes to the container.
net::Route host_route(const Leg& leg, int oif);

}  // namespace ptp
