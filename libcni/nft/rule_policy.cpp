// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdio>

#include <libnftnl/expr.h>

#include "libcni/nft/expressions.h"
#include "libcni/nft/rule.h"

namespace nft {
namespace {

constexpr std::uint32_t kLocal = 2;           // RTN_LOCAL
constexpr std::uint32_t kInvalid = 1;         // nft's bit of the state
constexpr std::uint8_t kReplyDirection = 1;   // IP_CT_DIR_REPLY
constexpr std::uint32_t kHopLimitOffset = 7;  // in the header of IPv6
constexpr std::uint8_t kAdminProhibited = NFT_REJECT_ICMPX_ADMIN_PROHIBITED;

nftnl_expr* comparison(std::uint32_t operation, const void* data, std::uint32_t size) {
  nftnl_expr* made = expression("cmp");
  nftnl_expr_set_u32(made, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(made, NFTNL_EXPR_CMP_OP, operation);
  nftnl_expr_set_data(made, NFTNL_EXPR_CMP_DATA, data, size);
  return made;
}

nftnl_expr* rejection(std::uint32_t type, std::uint8_t code) {
  nftnl_expr* made = expression("reject");
  nftnl_expr_set_u32(made, NFTNL_EXPR_REJECT_TYPE, type);
  nftnl_expr_set_u8(made, NFTNL_EXPR_REJECT_CODE, code);
  return made;
}

}  // namespace

Rule& Rule::connection_is_marked(std::uint32_t bits) {
  match_connection(NFT_CT_MARK, bits);
  return *this;
}

Rule& Rule::connection_is_reply() {
  nftnl_expr* made = expression("ct");
  nftnl_expr_set_u32(made, NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION);
  nftnl_expr_set_u32(made, NFTNL_EXPR_CT_DREG, NFT_REG_1);
  add(made);
  compare(&kReplyDirection, sizeof kReplyDirection, Match::equal);
  match_connection(NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
  return *this;
}

Rule& Rule::connection_is_related() {
  match_connection(NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED));
  return *this;
}

Rule& Rule::connection_is_invalid() {
  match_connection(NFT_CT_STATE, kInvalid);
  return *this;
}

Rule& Rule::source_is_foreign() {
  nftnl_expr* made = expression("fib");
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR);
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
  add(made);
  compare(&kLocal, sizeof kLocal, Match::unequal);
  return *this;
}

Rule& Rule::destination_ports(PortRange ports) {
  if (ports.first == ports.last) return destination_port(ports.first);
  const std::uint16_t first = htons(ports.first);
  const std::uint16_t last = htons(ports.last);
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1));
  add(comparison(NFT_CMP_GTE, &first, sizeof first));
  return add(comparison(NFT_CMP_LTE, &last, sizeof last));
}

Rule& Rule::icmp6_types(std::uint8_t first, std::uint8_t last) {
  if (first == last) return icmp_type(AF_INET6, first);
  l4proto(IPPROTO_ICMPV6);
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1));
  add(comparison(NFT_CMP_GTE, &first, sizeof first));
  return add(comparison(NFT_CMP_LTE, &last, sizeof last));
}

Rule& Rule::ip6_hop_limit(std::uint8_t limit) {
  add(payload(NFT_PAYLOAD_NETWORK_HEADER, kHopLimitOffset, 1, NFT_REG_1));
  compare(&limit, sizeof limit, Match::equal);
  return *this;
}

Rule& Rule::decide_by_map(const std::string& map, int family, const std::vector<Field>& fields) {
  load_fields(family, fields);
  nftnl_expr* made = expression("lookup");
  nftnl_expr_set_u32(made, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
  nftnl_expr_set_str(made, NFTNL_EXPR_LOOKUP_SET, map.c_str());
  nftnl_expr_set_u32(made, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
  return add(made);
}

Rule& Rule::refuse_with_reset() {
  return add(rejection(NFT_REJECT_TCP_RST, 0));
}

Rule& Rule::refuse_as_prohibited() {
  return add(rejection(NFT_REJECT_ICMPX_UNREACH, kAdminProhibited));
}

}  // namespace nft
