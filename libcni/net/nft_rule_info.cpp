// SPDX-License-Identifier: Apache-2.0
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>

#include "libcni/net/nft_rule.h"

namespace net::nft {
namespace {

/// Follows a rule's expressions; what an address match needs is spread over three of them.
class Reader {
 public:
  explicit Reader(int family) : size_(family == AF_INET ? 4 : 16), family_(family) {}

  void read(const nftnl_expr* expression) {
    const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
    if (name == "payload") read_payload(expression);
    if (name == "bitwise") read_mask(expression);
    if (name == "cmp") read_compare(expression);
    if (name == "immediate" && nftnl_expr_is_set(expression, NFTNL_EXPR_IMM_CHAIN))
      info.target = nftnl_expr_get_str(expression, NFTNL_EXPR_IMM_CHAIN);
    if (name == "target") read_target(expression);
    if (name == "meta")
      on_mark_ = nftnl_expr_get_u32(expression, NFTNL_EXPR_META_KEY) == NFT_META_MARK;
    if (name == "masq") info.target = "MASQUERADE";
    if (name == "match") read_match(expression);
  }

  RuleInfo info;

 private:
  void read_target(const nftnl_expr* expression) {
    info.target = nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME);
    std::uint32_t size = 0;
    const void* data = nftnl_expr_get(expression, NFTNL_EXPR_TG_INFO, &size);
    // xt_mark_tginfo2: the mark, then its mask.
    if (info.target == "MARK" && data != nullptr && size >= sizeof info.mark)
      std::memcpy(&info.mark, data, sizeof info.mark);
  }

  void read_payload(const nftnl_expr* expression) {
    const std::uint32_t offset = nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET);
    const std::uint32_t source = family_ == AF_INET ? 12 : 8;
    const bool network =
        nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_BASE) == NFT_PAYLOAD_NETWORK_HEADER;
    where_ = nullptr;
    if (network && offset == source) where_ = &info.source;
    if (network && offset == source + size_) where_ = &info.destination;
    // iptables-nft loads only the leading bytes of a network whose length is a multiple of eight.
    length_ = static_cast<int>(nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_LEN) * 8);
  }

  void read_mask(const nftnl_expr* expression) {
    std::uint32_t size = 0;
    const auto* bytes = static_cast<const std::uint8_t*>(
        nftnl_expr_get(expression, NFTNL_EXPR_BITWISE_MASK, &size));
    length_ = 0;
    for (std::uint32_t i = 0; bytes != nullptr && i < size; ++i) length_ += std::popcount(bytes[i]);
  }

  void read_compare(const nftnl_expr* expression) {
    std::uint32_t size = 0;
    const void* data = nftnl_expr_get(expression, NFTNL_EXPR_CMP_DATA, &size);
    const auto* bytes_compared = static_cast<const std::uint8_t*>(data);
    if (data != nullptr) info.compared.assign(bytes_compared, bytes_compared + size);
    if (on_mark_ && data != nullptr && size == sizeof info.mark)
      std::memcpy(&info.mark, data, size);
    on_mark_ = false;
    if (where_ == nullptr || data == nullptr || size > size_) return;
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), data, size);
    *where_ = base::Prefix{*base::IpAddress::from_bytes({bytes.data(), size_}), length_};
    where_ = nullptr;
  }

  void read_match(const nftnl_expr* expression) {
    const char* name = nftnl_expr_get_str(expression, NFTNL_EXPR_MT_NAME);
    std::uint32_t size = 0;
    const auto* text =
        static_cast<const char*>(nftnl_expr_get(expression, NFTNL_EXPR_MT_INFO, &size));
    if (name != nullptr && text != nullptr && std::string_view(name) == "comment")
      info.comment.assign(text, ::strnlen(text, size));
  }

  std::uint32_t size_;
  int family_;
  std::optional<base::Prefix>* where_ = nullptr;
  int length_ = 0;
  bool on_mark_ = false;
};

int find_comment(const nftnl_udata* attribute, void* data) {
  if (nftnl_udata_type(attribute) != NFTNL_UDATA_RULE_COMMENT) return 0;
  const auto* text = static_cast<const char*>(nftnl_udata_get(attribute));
  static_cast<std::string*>(data)->assign(text, ::strnlen(text, nftnl_udata_len(attribute)));
  return 0;
}

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
  if (userdata != nullptr && reader.info.comment.empty())
    nftnl_udata_parse(userdata, size, find_comment, &reader.info.comment);
  return std::move(reader.info);
}

}  // namespace net::nft
