// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/base/netns.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/net/route.h"
#include "libcni/spec/result.h"

namespace attach {

/// The container's side of an attachment, as the IPAM result describes it.
struct SandboxPlan {
  std::string ifname;
  std::vector<cni::IpConfig> ips;
  std::vector<cni::Route> routes;
  /// Run duplicate address detection for IPv6 addresses and wait for its result. Off for veth ends:
  /// IPAM gives each address once, and the far end of the wire is this host.
  bool dad = false;
  /// Announce the addresses by gratuitous ARP when the link comes up.
  bool arp_notify = false;
  /// Announce them by unsolicited neighbour advertisements as well.
  bool ndisc_notify = false;
  /// Accept IPv6 router advertisements and redirects of both families. Off: IPAM gives addresses
  /// and routes, while every pod of a bridge can send such messages (CVE-2020-10749).
  bool accept_ra = false;
  bool operator==(const SandboxPlan&) const = default;
};

/// The plan for the link `ifname` on a network that has other machines: it runs duplicate address
/// detection and announces its addresses.
SandboxPlan plan_on_network(const std::string& ifname, const cni::Result& result, bool accept_ra);

/// Puts the addresses on the link, sets it up, adds the routes. `link` is `plan.ifname` in `netns`,
/// where `sandbox` was opened. Throws cni::Error(7) for an MTU that is too small for IPv6.
void configure(const base::Netns& netns, net::Netlink& sandbox, const net::Link& link,
               const SandboxPlan& plan);

/// The end of an ADD: waits until the kernel accepts packets to the addresses of `plan`. Throws
/// ETIMEDOUT.
void wait_usable(const base::Netns& netns, net::Netlink& sandbox, int index,
                 const SandboxPlan& plan);
/// The same for the host's gateway address for the pods; does nothing for IPv4.
void wait_usable(net::Netlink& host, int index, const base::IpAddress& gateway);

/// Converts a route of a result to a kernel route: with its own gateway, else the first gateway of
/// its family, else none.
net::Route kernel_route(const cni::Route& route, const std::vector<cni::IpConfig>& ips, int oif);

/// Fills in the gateway of default routes without one, as kernel_route() would choose it: readers
/// of the result, such as Multus for its network-status, look for it there.
void name_default_gateways(cni::Result& result);

/// CHECK of the same: the link must be up, and each address and route must exist; further ones are
/// allowed. A route may be one of several next hops, and in another table than main. Throws
/// cni::Error naming the missing object.
void verify(net::Netlink& sandbox, const net::Link& link, const SandboxPlan& plan);

/// CHECK of a sysctl `net/ipv4/conf/<link>` of the host: either its own value or that of "all" must
/// match.
void verify_conf(const std::string& link, const std::string& knob, const std::string& value);
/// CHECK that the host forwards packets of AF_INET or AF_INET6.
void verify_forwarding(int family);

/// Ends a CHECK: throws cni::Error 999 with the message `what`, which names the difference from
/// ADD.
[[noreturn]] void differs(const std::string& what);

}  // namespace attach
