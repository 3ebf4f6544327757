// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/rule_info.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <span>
#include <string_view>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "libcni/nft/comment.h"
#include "libcni/nft/xt.h"

namespace nft {
namespace {

using Data = std::span<const std::uint8_t>;

Data data_of(const nftnl_expr* expression, std::uint16_t attribute) {
  std::uint32_t size = 0;
  const void* bytes = nftnl_expr_get(expression, attribute, &size);
  return {static_cast<const std::uint8_t*>(bytes), bytes != nullptr ? size : 0};
}

/// Follows a rule's expressions; an address match is spread over three of them.
class Reader {
 public:
  explicit Reader(int family) : family_(family) {}

  void read(const nftnl_expr* expression) {
    const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
    if (name == "payload") return read_payload(expression);
    if (name == "bitwise") return read_mask(expression);
    if (name == "cmp") return read_compare(expression);
    if (name == "immediate") return read_immediate(expression);
    if (name == "nat") return read_nat(expression);
    if (name == "meta") return read_meta(expression);
    if (name == "match") return read_xt_match(part_of(expression, kMatch), info);
    if (name == "target") return read_xt_target(part_of(expression, kTarget), family_, info);
    if (name == "masq") info.target = "MASQUERADE";
    if (name != "masq" && name != "counter") info.set_unread();
  }

  RuleInfo info;

 private:
  /// The attributes in which libnftnl keeps the parts of a match or target of iptables.
  struct Attributes {
    std::uint16_t name, revision, data;
  };
  static constexpr Attributes kMatch{NFTNL_EXPR_MT_NAME, NFTNL_EXPR_MT_REV, NFTNL_EXPR_MT_INFO};
  static constexpr Attributes kTarget{NFTNL_EXPR_TG_NAME, NFTNL_EXPR_TG_REV, NFTNL_EXPR_TG_INFO};

  static XtPart part_of(const nftnl_expr* expression, const Attributes& attributes) {
    const char* name = nftnl_expr_get_str(expression, attributes.name);
    return {.name = name != nullptr ? name : "",
            .revision = nftnl_expr_get_u32(expression, attributes.revision),
            .data = data_of(expression, attributes.data)};
  }

  std::uint32_t address_size() const { return family_ == AF_INET ? 4 : 16; }

  void forget_register() {
    where_ = nullptr;
    meta_.reset();
    on_port_ = false;
  }

  void read_meta(const nftnl_expr* expression) {
    forget_register();
    meta_ = nftnl_expr_get_u32(expression, NFTNL_EXPR_META_KEY);
  }

  void read_payload(const nftnl_expr* expression) {
    forget_register();
    const std::uint32_t offset = nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET);
    const std::uint32_t base = nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_BASE);
    const std::uint32_t length = nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_LEN);
    const std::uint32_t source = family_ == AF_INET ? 12 : 8;
    const bool network = base == NFT_PAYLOAD_NETWORK_HEADER;
    if (network && offset == source) where_ = &info.source;
    if (network && offset == source + address_size()) where_ = &info.destination;
    on_port_ = base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2 && length == 2;
    // iptables-nft loads only the leading bytes of a network whose length is a multiple of eight.
    length_ = static_cast<int>(length * 8);
  }

  void read_mask(const nftnl_expr* expression) {
    length_ = 0;
    for (const std::uint8_t byte : data_of(expression, NFTNL_EXPR_BITWISE_MASK))
      length_ += std::popcount(byte);
  }

  void read_compare(const nftnl_expr* expression) {
    const Data data = data_of(expression, NFTNL_EXPR_CMP_DATA);
    const bool equal = nftnl_expr_get_u32(expression, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ;
    info.compared.assign(data.begin(), data.end());
    if (where_ != nullptr)
      compare_address(data, equal);
    else if (on_port_ && equal && data.size() == 2)
      info.port = static_cast<std::uint16_t>(data[0] << 8 | data[1]);
    else
      compare_meta(data, equal);
    forget_register();
  }

  void compare_address(Data data, bool equal) {
    if (data.size() > address_size()) return;
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), data.data(), data.size());
    *where_ = base::Prefix{*base::IpAddress::from_bytes({bytes.data(), address_size()}), length_};
    if (!equal && where_ == &info.destination)
      info.excludes_destination = true;
    else if (!equal)
      info.set_unread();
  }

  void compare_meta(Data data, bool equal) {
    if (meta_ == NFT_META_MARK && data.size() == sizeof info.mark) {
      std::memcpy(&info.mark, data.data(), data.size());
    } else if (meta_ == NFT_META_L4PROTO && equal && !data.empty()) {
      info.protocol = data[0];
    } else if (meta_ == NFT_META_NFPROTO && equal && !data.empty()) {
      family_ = data[0] == NFPROTO_IPV6 ? AF_INET6 : AF_INET;
    } else if (meta_ == NFT_META_IIFNAME || meta_ == NFT_META_OIFNAME) {
      compare_link(data, equal);
    } else {
      info.set_unread();
    }
  }

  /// A name without its terminating zero is the beginning of names.
  void compare_link(Data data, bool equal) {
    const bool input = meta_ == NFT_META_IIFNAME;
    if (data.empty() || data.back() != 0 || (input && !equal)) return info.set_unread();
    const auto* text = reinterpret_cast<const char*>(data.data());
    (input ? info.input_link : info.output_link).assign(text, ::strnlen(text, data.size()));
    if (!input) info.excludes_output_link = !equal;
    info.has_more = true;
  }

  void read_immediate(const nftnl_expr* expression) {
    if (nftnl_expr_is_set(expression, NFTNL_EXPR_IMM_CHAIN))
      info.target = nftnl_expr_get_str(expression, NFTNL_EXPR_IMM_CHAIN);
    const std::uint32_t reg = nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_DREG);
    if (reg == NFT_REG_VERDICT) return read_verdict(expression);
    const Data data = data_of(expression, NFTNL_EXPR_IMM_DATA);
    registers_[reg].assign(data.begin(), data.end());
  }

  void read_verdict(const nftnl_expr* expression) {
    using Verdict = RuleInfo::Verdict;
    const auto code = static_cast<int>(nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_VERDICT));
    if (code == NF_ACCEPT) info.verdict = Verdict::accept;
    if (code == NF_DROP) info.verdict = Verdict::drop;
    if (code == NFT_RETURN) info.verdict = Verdict::give_back;
  }

  void read_nat(const nftnl_expr* expression) {
    if (nftnl_expr_get_u32(expression, NFTNL_EXPR_NAT_TYPE) != NFT_NAT_DNAT) return;
    const auto address =
        registers_.find(nftnl_expr_get_u32(expression, NFTNL_EXPR_NAT_REG_ADDR_MIN));
    if (address == registers_.end()) return;  // from a map
    info.target = "DNAT";
    info.translated_to = base::IpAddress::from_bytes(address->second);
    const auto port = registers_.find(nftnl_expr_get_u32(expression, NFTNL_EXPR_NAT_REG_PROTO_MIN));
    if (port != registers_.end() && port->second.size() == 2)
      info.translated_port = static_cast<std::uint16_t>(port->second[0] << 8 | port->second[1]);
  }

  int family_;
  std::optional<base::Prefix>* where_ =
      nullptr;  ///< whether the loaded address is source or destination
  int length_ = 0;
  bool on_port_ = false;
  std::optional<std::uint32_t> meta_;
  std::map<std::uint32_t, std::vector<std::uint8_t>> registers_;
};

}  // namespace

RuleInfo read_rule(const nftnl_rule* rule, int family) {
  Reader reader(family);
  nftnl_expr_foreach(
      const_cast<nftnl_rule*>(rule),
      [](nftnl_expr* expression, void* data) {
        static_cast<Reader*>(data)->read(expression);
        return 0;
      },
      &reader);
  const char* chain = nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN);
  if (chain != nullptr) reader.info.chain = chain;
  reader.info.handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
  std::uint32_t size = 0;
  const void* userdata = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size);
  if (userdata == nullptr) return std::move(reader.info);
  const std::span bytes(static_cast<const std::uint8_t*>(userdata), size);
  reader.info.note = read_text(bytes, kNote);
  if (reader.info.comment.empty()) reader.info.comment = read_comment(bytes);
  return std::move(reader.info);
}

}  // namespace nft
