// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/expressions.h"

#include <sys/socket.h>

#include <cstdio>
#include <new>

#include <libnftnl/expr.h>

namespace nft {

nftnl_expr* expression(const char* name) {
  nftnl_expr* made = nftnl_expr_alloc(name);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

nftnl_expr* payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                    std::uint32_t reg) {
  nftnl_expr* made = expression("payload");
  nftnl_expr_set_u32(made, NFTNL_EXPR_PAYLOAD_BASE, base);
  nftnl_expr_set_u32(made, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
  nftnl_expr_set_u32(made, NFTNL_EXPR_PAYLOAD_LEN, size);
  nftnl_expr_set_u32(made, NFTNL_EXPR_PAYLOAD_DREG, reg);
  return made;
}

nftnl_expr* meta(std::uint32_t key, std::uint32_t reg) {
  nftnl_expr* made = expression("meta");
  nftnl_expr_set_u32(made, NFTNL_EXPR_META_KEY, key);
  nftnl_expr_set_u32(made, NFTNL_EXPR_META_DREG, reg);
  return made;
}

nftnl_expr* presence(std::uint32_t kind, std::uint8_t type) {
  nftnl_expr* made = expression("exthdr");
  nftnl_expr_set_u32(made, NFTNL_EXPR_EXTHDR_OP, kind);
  nftnl_expr_set_u8(made, NFTNL_EXPR_EXTHDR_TYPE, type);
  nftnl_expr_set_u32(made, NFTNL_EXPR_EXTHDR_OFFSET, 0);
  nftnl_expr_set_u32(made, NFTNL_EXPR_EXTHDR_LEN, 1);
  nftnl_expr_set_u32(made, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
  nftnl_expr_set_u32(made, NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1);
  return made;
}

std::uint32_t source_offset(int family) {
  return family == AF_INET ? 12 : 8;
}
std::uint32_t destination_offset(int family) {
  return family == AF_INET ? 16 : 24;
}
std::uint32_t address_size(int family) {
  return family == AF_INET ? 4 : 16;
}

Bytes network_mask(std::uint32_t size, int length) {
  Bytes bits(size, 0);
  for (int bit = 0; bit < length; ++bit)
    bits[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  return bits;
}

std::uint32_t first_register(std::uint32_t offset) {
  return NFT_REG32_00 + offset / 4;
}

}  // namespace nft
