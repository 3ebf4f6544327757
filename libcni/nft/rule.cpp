// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/rule.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>

#include "libcni/nft/expressions.h"

namespace nft {
namespace {

nftnl_expr* immediate(std::uint32_t reg, const void* data, std::uint32_t size) {
  nftnl_expr* made = expression("immediate");
  nftnl_expr_set_u32(made, NFTNL_EXPR_IMM_DREG, reg);
  nftnl_expr_set_data(made, NFTNL_EXPR_IMM_DATA, data, size);
  return made;
}

/// The map packs its value into registers: the address, then the port in the next 32-bit register.
nftnl_expr* nat(int family, std::uint32_t address_register, std::uint32_t port_register) {
  nftnl_expr* made = expression("nat");
  nftnl_expr_set_u32(made, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
  nftnl_expr_set_u32(made, NFTNL_EXPR_NAT_FAMILY, static_cast<std::uint32_t>(family));
  nftnl_expr_set_u32(made, NFTNL_EXPR_NAT_REG_ADDR_MIN, address_register);
  nftnl_expr_set_u32(made, NFTNL_EXPR_NAT_REG_PROTO_MIN, port_register);
  return made;
}

}  // namespace

Family family_of(int address_family) {
  return address_family == AF_INET ? Family::ipv4 : Family::ipv6;
}
Type address_type(int address_family) {
  return address_family == AF_INET ? Type::ipv4_addr : Type::ipv6_addr;
}

Bytes& append(Bytes& bytes, const base::IpAddress& address) {
  bytes.insert(bytes.end(), address.bytes().begin(), address.bytes().end());
  return bytes;
}

Bytes& append(Bytes& bytes, const base::Mac& mac) {
  bytes.insert(bytes.end(), mac.bytes.begin(), mac.bytes.end());
  bytes.resize(padded_size(static_cast<std::uint32_t>(bytes.size())));
  return bytes;
}

Bytes& append_link(Bytes& bytes, const std::string& name) {
  const std::size_t end = bytes.size() + IFNAMSIZ;
  bytes.insert(bytes.end(), name.begin(), name.end());
  bytes.resize(end);
  return bytes;
}

Bytes& append_proto(Bytes& bytes, std::uint8_t protocol) {
  bytes.insert(bytes.end(), {protocol, 0, 0, 0});
  return bytes;
}

Bytes& append_port(Bytes& bytes, std::uint16_t port) {
  bytes.insert(bytes.end(), {static_cast<std::uint8_t>(port >> 8),
                             static_cast<std::uint8_t>(port & 0xff), 0, 0});
  return bytes;
}

Rule::Rule(const std::string& comment) : rule_(nftnl_rule_alloc()), comment_(comment) {
  if (rule_ == nullptr) throw std::bad_alloc();
  if (comment.empty()) return;
  nftnl_udata_buf* buffer = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
  if (buffer == nullptr) throw std::bad_alloc();
  nftnl_udata_put_strz(buffer, NFTNL_UDATA_RULE_COMMENT, comment.c_str());
  nftnl_rule_set_data(rule_, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(buffer),
                      nftnl_udata_buf_len(buffer));
  nftnl_udata_buf_free(buffer);
}

Rule::~Rule() {
  if (rule_ != nullptr) nftnl_rule_free(rule_);
}

Rule::Rule(Rule&& other) noexcept
    : rule_(std::exchange(other.rule_, nullptr)), comment_(std::move(other.comment_)) {}

Rule& Rule::operator=(Rule&& other) noexcept {
  std::swap(rule_, other.rule_);
  std::swap(comment_, other.comment_);
  return *this;
}

Rule& Rule::add(nftnl_expr* made) {
  nftnl_rule_add_expr(rule_, made);
  return *this;
}

void Rule::compare(const void* data, std::uint32_t size, Match match) {
  nftnl_expr* made = expression("cmp");
  nftnl_expr_set_u32(made, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(made, NFTNL_EXPR_CMP_OP, match == Match::equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
  nftnl_expr_set_data(made, NFTNL_EXPR_CMP_DATA, data, size);
  add(made);
}

void Rule::mask(std::uint32_t reg, const Bytes& bits) {
  const Bytes zero(bits.size(), 0);
  nftnl_expr* made = expression("bitwise");
  nftnl_expr_set_u32(made, NFTNL_EXPR_BITWISE_SREG, reg);
  nftnl_expr_set_u32(made, NFTNL_EXPR_BITWISE_DREG, reg);
  nftnl_expr_set_u32(made, NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(bits.size()));
  nftnl_expr_set_data(made, NFTNL_EXPR_BITWISE_MASK, bits.data(),
                      static_cast<std::uint32_t>(bits.size()));
  nftnl_expr_set_data(made, NFTNL_EXPR_BITWISE_XOR, zero.data(),
                      static_cast<std::uint32_t>(zero.size()));
  add(made);
}

Rule& Rule::address_family(int family) {
  const std::uint8_t number = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
  add(meta(NFT_META_NFPROTO, NFT_REG_1));
  compare(&number, sizeof number, Match::equal);
  return *this;
}

void Rule::match_address(std::uint32_t offset, const base::Prefix& prefix, Match match) {
  const base::Prefix network = prefix.network();
  const auto bytes = network.address.bytes();
  const auto size = static_cast<std::uint32_t>(bytes.size());
  add(payload(NFT_PAYLOAD_NETWORK_HEADER, offset, size, NFT_REG_1));
  if (prefix.length < network.address.bits()) mask(NFT_REG_1, network_mask(size, prefix.length));
  compare(bytes.data(), size, match);
}

Rule& Rule::source(const base::Prefix& prefix, Match match) {
  match_address(source_offset(prefix.address.family()), prefix, match);
  return *this;
}

Rule& Rule::destination(const base::Prefix& prefix, Match match) {
  match_address(destination_offset(prefix.address.family()), prefix, match);
  return *this;
}

Rule& Rule::destination_is_local() {
  const std::uint32_t local = 2;  // RTN_LOCAL
  nftnl_expr* made = expression("fib");
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  nftnl_expr_set_u32(made, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
  add(made);
  compare(&local, sizeof local, Match::equal);
  return *this;
}

void Rule::match_connection(std::uint32_t key, std::uint32_t any_of) {
  const std::uint32_t zero = 0;
  nftnl_expr* made = expression("ct");
  nftnl_expr_set_u32(made, NFTNL_EXPR_CT_KEY, key);
  nftnl_expr_set_u32(made, NFTNL_EXPR_CT_DREG, NFT_REG_1);
  add(made);
  Bytes bits(sizeof any_of);
  std::memcpy(bits.data(), &any_of, sizeof any_of);
  mask(NFT_REG_1, bits);
  compare(&zero, sizeof zero, Match::unequal);
}

Rule& Rule::destination_was_translated() {
  match_connection(NFT_CT_STATUS, IPS_DST_NAT);
  return *this;
}

Rule& Rule::connection_is_known() {
  match_connection(NFT_CT_STATE,
                   NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
  return *this;
}

void Rule::match_link(std::uint32_t key, const std::string& name, Match match) {
  char padded[IFNAMSIZ] = {};
  name.copy(padded, sizeof padded - 1);
  add(meta(key, NFT_REG_1));
  compare(padded, sizeof padded, match);
}

Rule& Rule::input_link(const std::string& name, Match match) {
  match_link(NFT_META_IIFNAME, name, match);
  return *this;
}

Rule& Rule::output_link(const std::string& name, Match match) {
  match_link(NFT_META_OIFNAME, name, match);
  return *this;
}

Rule& Rule::mark(std::uint32_t value, std::uint32_t bits, Match match) {
  add(meta(NFT_META_MARK, NFT_REG_1));
  Bytes raw(sizeof bits);
  std::memcpy(raw.data(), &bits, sizeof bits);
  mask(NFT_REG_1, raw);
  compare(&value, sizeof value, match);
  return *this;
}

Rule& Rule::l4proto(std::uint8_t protocol) {
  add(meta(NFT_META_L4PROTO, NFT_REG_1));
  compare(&protocol, sizeof protocol, Match::equal);
  return *this;
}

Rule& Rule::destination_port(std::uint16_t port) {
  const std::uint16_t wire = htons(port);
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1));
  compare(&wire, sizeof wire, Match::equal);
  return *this;
}

Rule& Rule::source_port_at_least(std::uint16_t port) {
  const std::uint16_t wire = htons(port);
  add(payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, NFT_REG_1));
  nftnl_expr* made = expression("cmp");
  nftnl_expr_set_u32(made, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
  nftnl_expr_set_u32(made, NFTNL_EXPR_CMP_OP, NFT_CMP_GTE);
  nftnl_expr_set_data(made, NFTNL_EXPR_CMP_DATA, &wire, sizeof wire);
  return add(made);
}

Rule& Rule::in_set(const std::string& set, int family, const std::vector<Field>& fields,
                   Match match) {
  load_fields(family, fields);
  nftnl_expr* made = expression("lookup");
  nftnl_expr_set_u32(made, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
  nftnl_expr_set_str(made, NFTNL_EXPR_LOOKUP_SET, set.c_str());
  if (match == Match::unequal) nftnl_expr_set_u32(made, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  return add(made);
}

Rule& Rule::dnat_by_map(const std::string& map, int family, const std::vector<Field>& fields) {
  load_fields(family, fields);
  nftnl_expr* made = expression("lookup");
  nftnl_expr_set_u32(made, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
  nftnl_expr_set_str(made, NFTNL_EXPR_LOOKUP_SET, map.c_str());
  nftnl_expr_set_u32(made, NFTNL_EXPR_LOOKUP_DREG, NFT_REG32_00);
  add(made);
  return add(nat(family, NFT_REG32_00, first_register(address_size(family))));
}

Rule& Rule::dnat(const base::IpAddress& address, std::uint16_t port) {
  const std::uint16_t wire = htons(port);
  const auto size = static_cast<std::uint32_t>(address.bytes().size());
  add(immediate(NFT_REG_1, address.bytes().data(), size));
  add(immediate(NFT_REG_2, &wire, sizeof wire));
  return add(nat(address.family(), NFT_REG_1, NFT_REG_2));
}

Rule& Rule::masquerade() {
  return add(expression("masq"));
}

Rule& Rule::masquerade_fully_random(const std::optional<PortRange>& ports) {
  nftnl_expr* made = expression("masq");
  std::uint32_t flags = NF_NAT_RANGE_PROTO_RANDOM_FULLY;
  if (ports) {
    const std::uint16_t first = htons(ports->first);
    const std::uint16_t last = htons(ports->last);
    add(immediate(NFT_REG_1, &first, sizeof first));
    add(immediate(NFT_REG_2, &last, sizeof last));
    nftnl_expr_set_u32(made, NFTNL_EXPR_MASQ_REG_PROTO_MIN, NFT_REG_1);
    nftnl_expr_set_u32(made, NFTNL_EXPR_MASQ_REG_PROTO_MAX, NFT_REG_2);
    flags |= NF_NAT_RANGE_PROTO_SPECIFIED;  // otherwise the kernel ignores both
  }
  nftnl_expr_set_u32(made, NFTNL_EXPR_MASQ_FLAGS, flags);
  return add(made);
}

Rule& Rule::notrack() {
  return add(expression("notrack"));
}

Rule& Rule::counter() {
  return add(expression("counter"));
}

Rule& Rule::verdict(int code, const std::string& chain) {
  nftnl_expr* made = expression("immediate");
  nftnl_expr_set_u32(made, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(made, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(code));
  if (!chain.empty()) nftnl_expr_set_str(made, NFTNL_EXPR_IMM_CHAIN, chain.c_str());
  return add(made);
}

Rule& Rule::jump(const std::string& chain) {
  return verdict(NFT_JUMP, chain);
}
Rule& Rule::go_to(const std::string& chain) {
  return verdict(NFT_GOTO, chain);
}
Rule& Rule::return_to_caller() {
  return verdict(NFT_RETURN, {});
}
Rule& Rule::drop() {
  return verdict(NF_DROP, {});
}
Rule& Rule::accept() {
  return verdict(NF_ACCEPT, {});
}

}  // namespace nft
