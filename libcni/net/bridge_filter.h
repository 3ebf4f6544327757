// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/net/netlink.h"

/// IP rules and bridged packets. The module br_netfilter passes packets that a bridge forwards from
/// port to port through the hooks of IP, if the sysctl of the namespace or the bridge's own setting
/// asks for it (net/bridge/br_netfilter_hooks.c).
namespace net {

/// A bridge and its own settings.
struct BridgeFilter {
  int index = 0;
  std::string name = {};
  bool calls_v4 = false;  ///< IFLA_BR_NF_CALL_IPTABLES
  bool calls_v6 = false;  ///< IFLA_BR_NF_CALL_IP6TABLES
  bool calls(int family) const;
  bool operator==(const BridgeFilter&) const = default;
};

/// The bridges of the namespace.
std::vector<BridgeFilter> list_bridge_filters(Netlink& netlink);
/// Makes the bridge `index` pass packets of AF_INET or AF_INET6 through the hooks of IP. Has no
/// effect while br_netfilter is not loaded.
void call_bridge_filter(Netlink& netlink, int index, int family);

/// `net/bridge/bridge-nf-call-iptables` or `...-ip6tables`.
std::string bridge_filter_key(int family);
/// Returns whether the sysctl makes every bridge of the namespace do so; nothing while br_netfilter
/// is not loaded. Throws std::system_error when the sysctl cannot be read.
std::optional<bool> find_bridge_filter_of_all(int family);

}  // namespace net
