// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/netfilter/nf_tables.h>

#include <cstdint>

#include "libcni/nft/rule.h"

/// Parts of rules, for the files that implement nft::Rule. The caller adds each to a rule, which
/// frees it.
namespace nft {

nftnl_expr* expression(const char* name);
nftnl_expr* payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                    std::uint32_t reg);
nftnl_expr* meta(std::uint32_t key, std::uint32_t reg);
/// Loads 1 into NFT_REG_1 when the packet has the extension header or option (NFT_EXTHDR_OP_*).
nftnl_expr* presence(std::uint32_t kind, std::uint8_t type);

/// Offsets and size of the addresses in an IPv4 or IPv6 header.
std::uint32_t source_offset(int family);
std::uint32_t destination_offset(int family);
std::uint32_t address_size(int family);
/// The offset of the packet inside a VXLAN packet from the UDP header, which the VXLAN header and
/// an Ethernet header follow; each has 8, 8 and 14 bytes.
constexpr std::uint32_t kInnerPacketOffset = 8 + 8 + 14;
/// The address `length` bits of which are 1, as bytes.
Bytes network_mask(std::uint32_t size, int length);
/// The size of a part of a concatenation.
constexpr std::uint32_t padded_size(std::uint32_t size) {
  return (size + 3) / 4 * 4;
}
/// The register of the byte at `offset` of a concatenation.
std::uint32_t first_register(std::uint32_t offset);

}  // namespace nft
