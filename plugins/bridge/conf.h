// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/base/mac.h"
#include "libcni/firewall/masquerade.h"
#include "libcni/plugin/plugin.h"

namespace bridge {

/// The configuration of one attachment, checked (README.md has the keys).
struct Conf {
  std::string bridge = "cni0";
  bool is_gateway = false;
  bool is_default_gateway = false;
  bool force_address = false;
  std::vector<base::Prefix> other_ranges =
      {};  ///< ranges of earlier pods, whose gateways stay on the bridge
  bool ip_masq = false;
  firewall::MasqueradeBackend masq_backend = {};
  std::optional<int> mtu = {};
  bool hairpin = false;
  bool promisc = false;
  std::uint16_t vlan = 0;  ///< 0: untagged
  bool has_trunk = false;  ///< also true for an empty list
  std::vector<std::uint16_t> trunk = {};
  bool preserve_default_vlan = false;
  bool mac_spoof_check = false;
  bool spoof_check = false;
  bool enable_dad = false;
  bool accept_ra = true;  ///< unless IPAM gives addresses
  bool disable_container_interface = false;
  bool port_isolation = false;
  std::optional<base::Mac> mac = {};
  std::optional<cni::Dns> dns = {};  ///< replaces IPAM's
  bool operator==(const Conf&) const = default;
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "bridge:string isGateway:bool isDefaultGateway:bool forceAddress:bool"
    " otherRanges[]:string ipMasq:bool ipMasqBackend:string(nftables|iptables)"
    " mtu:int(0..65535) hairpinMode:bool promiscMode:bool vlan:int(0..4094)"
    " vlanTrunk[].id:int(1..4094) vlanTrunk[].minID:int(1..4094)"
    " vlanTrunk[].maxID:int(1..4094) preserveDefaultVlan:bool macspoofchk:bool"
    " spoofCheck:bool portIsolation:bool acceptRa:bool enabledad:bool"
    " disableContainerInterface:bool ipam:object dns.nameservers[]:string dns.domain:string"
    " dns.search[]:string dns.options[]:string";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// Reads only the keys that DEL and GC need, so that an otherwise broken configuration does not
/// prevent a removal.
Conf parse_conf_for_removal(const cni::Request& request);

}  // namespace bridge
