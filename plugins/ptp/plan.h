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

/// Indices of Result::interfaces (reference-plugins section 7.9).
enum : int { kHostInterface, kContainerInterface };

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  bool ip_masq = false;
  firewall::MasqueradeBackend masq_backend = {};
  std::optional<int> mtu = {};
  std::optional<cni::Dns> dns = {};  ///< replaces IPAM's
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md has.
inline constexpr std::string_view kKeys =
    "ipMasq ipMasqBackend mtu ipam dns.nameservers dns.domain dns.search dns.options";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// One address on the wire: everything but the gateway itself goes through the gateway, which is
/// the host's end, so that even neighbours of the same subnet are routed.
struct Leg {
  base::Prefix address;
  base::IpAddress gateway;
  bool operator==(const Leg&) const = default;
};

/// What an attachment looks like once IPAM has answered.
struct Plan {
  attach::VethRequest veth;
  attach::SandboxPlan sandbox;
  std::vector<Leg> legs;
  std::vector<base::Prefix> masquerade;
};

/// IPAM's result with interface indices, gateways of default routes and DNS. Throws code 7 when an
/// address has no gateway: without one the pod reaches nothing but the host's end.
cni::Result complete_result(const Conf& conf, cni::Result ipam);

/// `result` is completed, or the prevResult of CHECK.
Plan make_plan(const Conf& conf, const cni::Request& request, const cni::Result& result);

/// Inside the sandbox: the gateway on the link, the subnet through the gateway.
std::vector<net::Route> sandbox_routes(const Leg& leg, int oif);
/// Inside the sandbox: the route that the kernel made with the address, which has to go.
net::Route connected_route(const Leg& leg, int oif);
/// On the host: to the container.
net::Route host_route(const Leg& leg, int oif);

}  // namespace ptp
