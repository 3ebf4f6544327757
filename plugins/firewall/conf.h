// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace firewall_plugin {

/// `automatic`: firewalld where it runs, else iptables; also for words that are not known.
enum class Backend { automatic, iptables, firewalld, nftables };

enum class IngressPolicy { open, same_bridge, isolated };

struct Conf {
  Backend backend = Backend::automatic;
  std::string admin_chain = "CNI-ADMIN";  ///< iptablesAdminChainName
  std::string zone = "trusted";           ///< firewalldZone
  IngressPolicy ingress = IngressPolicy::open;
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "backend:string iptablesAdminChainName:string firewalldZone:string"
    " ingressPolicy:string(open|same-bridge|isolated)";

/// Throws cni::Error 7 naming key and value, 6 for a wrong type.
Conf parse_conf(const cni::Request& request);

/// `same-bridge`, for messages.
std::string_view name_of(IngressPolicy policy);

}  // namespace firewall_plugin
