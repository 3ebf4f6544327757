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

/// The container's side of an attachment, as an IPAM result wants it.
struct SandboxPlan {
  std::string ifname;
  std::vector<cni::IpConfig> ips;
  std::vector<cni::Route> routes;
  /// Let the kernel look for duplicates of IPv6 addresses and wait for its verdict. Off for veth
  /// ends: IPAM hands out each address once, and the far end of the wire is this host.
  bool dad = false;
  /// Announce the addresses by gratuitous ARP when the link comes up.
  bool arp_notify = false;
  bool operator==(const SandboxPlan&) const = default;
};

/// Puts the addresses on the link, sets it up, adds the routes (reference-plugins 1.11).
/// `link` is `plan.ifname` in `netns`, where `sandbox` was opened.
/// Throws cni::Error(7) for an MTU that IPv6 does not work with.
void configure(const base::Netns& netns, net::Netlink& sandbox, const net::Link& link,
               const SandboxPlan& plan);

/// The end of an ADD: waits until the addresses of `plan` take packets in (S-159). Throws
/// ETIMEDOUT.
void wait_usable(const base::Netns& netns, net::Netlink& sandbox, int index,
                 const SandboxPlan& plan);
/// The same for the address by which the host is the pods' gateway; nothing to do for IPv4.
void wait_usable(net::Netlink& host, int index, const base::IpAddress& gateway);

/// The kernel's route for one of a result: its own gateway, else the first gateway of its family,
/// else none (S-127).
net::Route kernel_route(const cni::Route& route, const std::vector<cni::IpConfig>& ips, int oif);

/// Names the gateway of default routes that leave it to kernel_route(), where there is one: readers
/// of the result, such as Multus for its network-status, look for it there.
void name_default_gateways(cni::Result& result);

/// CHECK of the same: link up, each address and each route there; more may be there (S-180, S-182).
/// A route may be one of several next hops, and in another table than main. Throws cni::Error
/// naming what is missing.
void verify(net::Netlink& sandbox, const net::Link& link, const SandboxPlan& plan);

/// CHECK of a sysctl of the host's `net/ipv4/conf/<link>`, by itself or by "all" (S-181).
void verify_conf(const std::string& link, const std::string& knob, const std::string& value);
/// CHECK that the host forwards packets of AF_INET or AF_INET6.
void verify_forwarding(int family);

/// Ends a CHECK: throws cni::Error 999 with `what` is not as ADD made it.
[[noreturn]] void differs(const std::string& what);

}  // namespace attach
