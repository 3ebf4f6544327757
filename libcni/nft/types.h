// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"

namespace nft {

/// nf_tables families; the numbers are the kernel's.
enum class Family : std::uint8_t { inet = 1, ipv4 = 2, bridge = 7, ipv6 = 10 };
/// The family of `ip` and `ip6` tables for AF_INET and AF_INET6.
Family family_of(int address_family);

/// Data types of sets; the numbers are those that nft writes into NFTA_SET_KEY_TYPE.
enum class Type : std::uint8_t {
  ipv4_addr = 7,
  ipv6_addr = 8,
  ether_addr = 9,
  inet_proto = 12,
  inet_service = 13,
  ifname = 41
};
Type address_type(int address_family);
/// Bytes of a key of these types.
std::uint32_t size_of(const std::vector<Type>& types);

/// A key or value of a set: its parts in network order, each padded to four bytes.
using Bytes = std::vector<std::uint8_t>;
Bytes& append(Bytes& bytes, const base::IpAddress& address);
Bytes& append(Bytes& bytes, const base::Mac& mac);
Bytes& append_link(Bytes& bytes, const std::string& name);
Bytes& append_proto(Bytes& bytes, std::uint8_t protocol);
Bytes& append_port(Bytes& bytes, std::uint16_t port);

/// A part of a packet to look up; `length` reduces an address to its network.
struct Field {
  enum class Name {
    source,
    destination,
    l4proto,
    destination_port,
    input_link,
    ether_source,
    arp_sender_mac,
    arp_sender,
    neighbour_target,  ///< of a neighbour solicitation or advertisement
    vxlan_source4,     ///< of the IPv4 packet inside a VXLAN packet; see Rule::vxlan_carries()
    vxlan_source6
  } name;
  int length = -1;
};

}  // namespace nft
