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
    "bridge isGateway isDefaultGateway forceAddress otherRanges ipMasq ipMasqBackend mtu"
    " hairpinMode promiscMode vlan vlanTrunk[].id vlanTrunk[].minID vlanTrunk[].maxID"
    " preserveDefaultVlan macspoofchk spoofCheck portIsolation acceptRa enabledad "
    "disableContainerInterface "
    "ipam"
    " dns.nameservers dns.domain dns.search dns.options";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// Reads only the keys that DEL and GC need, so that an otherwise broken configuration does not
/// prevent a removal.
Conf parse_conf_for_removal(const cni::Request& request);

}  // namespace bridge
