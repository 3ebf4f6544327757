// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "libcni/firewall/hostport_iptables.h"
#include "plugins/portmap/conf.h"

namespace portmap {

/// The desired state of one attachment; the families are in one of the two lists.
struct Plan {
  std::vector<firewall::HostPorts> nftables = {};
  std::vector<firewall::IptablesHostPorts> iptables = {};
  /// The container that packets from 127.0.0.1 must reach: its link gets route_localnet.
  std::optional<base::IpAddress> reached_from_localhost = {};
  bool empty() const { return nftables.empty() && iptables.empty(); }
  bool operator==(const Plan&) const = default;
};

/// The first IPv4 and the first IPv6 address of `result` that belong to the container's `ifname`.
std::vector<base::Prefix> container_addresses(const cni::Result& result, const std::string& ifname);

/// Empty when there is nothing to map, or no address to map it to.
Plan make_plan(const Conf& conf, const cni::Result& result, const std::string& ifname);

}  // namespace portmap
