// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>

#include <libnftnl/expr.h>

#include "libcni/nft/expressions.h"
#include "libcni/nft/rule.h"

namespace nft {
namespace {

// Offsets in a VXLAN packet from the UDP header.
constexpr std::uint32_t kVniOffset = 8 + 4;  // behind flags and reserved bits
constexpr std::uint32_t kInnerTypeOffset = kInnerPacketOffset - 2;

}  // namespace

Rule& Rule::vxlan(std::uint16_t port, std::uint32_t vni) {
  const std::array<std::uint8_t, 3> wire{static_cast<std::uint8_t>(vni >> 16),
                                         static_cast<std::uint8_t>(vni >> 8),
                                         static_cast<std::uint8_t>(vni)};
  l4proto(IPPROTO_UDP).destination_port(port);
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, kVniOffset, wire.size(), NFT_REG_1));
  compare(wire.data(), wire.size(), Match::equal);
  return *this;
}

Rule& Rule::vxlan_carries(int family) {
  const std::uint16_t wire = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, kInnerTypeOffset, sizeof wire, NFT_REG_1));
  compare(&wire, sizeof wire, Match::equal);
  return *this;
}

Rule& Rule::source_is_behind_another_link() {
  const std::uint32_t missing = 0;
  nftnl_expr* made = expression("fib");
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF);
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
  add(made);
  compare(&missing, sizeof missing, Match::equal);
  return *this;
}

Rule& Rule::fragment(int family) {
  address_family(family);
  if (family == AF_INET) {
    constexpr std::uint32_t kFragmentOffset = 6;  // flags and offset in an IPv4 header
    const std::uint16_t none = 0;
    add(payload(NFT_PAYLOAD_NETWORK_HEADER, kFragmentOffset, sizeof none, NFT_REG_1));
    mask(NFT_REG_1, {0x3f, 0xff});  // "more fragments" and the offset
    compare(&none, sizeof none, Match::unequal);
    return *this;
  }
  const std::uint8_t present = 1;
  add(presence(NFT_EXTHDR_OP_IPV6, IPPROTO_FRAGMENT));
  compare(&present, sizeof present, Match::equal);
  return *this;
}

}  // namespace nft
