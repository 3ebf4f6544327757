// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/firewall/hostport.h"
#include "libcni/plugin/plugin.h"

namespace portmap {

enum class Backend { nftables, iptables };

struct Conf {
  Backend backend = Backend::nftables;
  bool snat = true;
  bool masq_all = false;
  int mark_bit = 13;
  std::string set_mark_chain = {};  ///< externalSetMarkChain
  /// The words of conditionsV4 and conditionsV6, in the backend's syntax.
  std::vector<std::string> conditions_v4 = {};
  std::vector<std::string> conditions_v6 = {};
  /// `host_ip` may be unspecified: any address of that family.
  std::vector<firewall::HostPort> mappings = {};
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "backend:string(nftables|iptables) snat:bool masqAll:bool markMasqBit:int(0..31)"
    " externalSetMarkChain:string conditionsV4[]:string conditionsV6[]:string";

/// Throws cni::Error 7 naming key and value, 6 for a wrong type. Without `backend`, a configuration
/// with keys or words of iptables gets iptables, all others nf_tables.
Conf parse_conf(const cni::Request& request);

/// The UDP host ports that a configuration names; those that cannot be read are left out. A removal
/// from iptables forgets their flows.
std::vector<std::uint16_t> known_udp_ports(const cni::Request& request) noexcept;

}  // namespace portmap
