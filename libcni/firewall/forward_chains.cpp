// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/forward_chains.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

namespace firewall {
namespace {

constexpr int kDeepestJump = 16;  // NFT_JUMP_STACK_SIZE

/// A rule, reduced to its conditions on addresses and its final verdict.
struct Statement {
  bool conditional = false;  ///< it has further conditions, which are not stored here
  int family = 0;            ///< family that the rule applies to; 0: both
  std::optional<base::Prefix> source = {}, destination = {};
  enum class Verdict { none, accept, drop, jump, go_to } verdict = Verdict::none;
  std::string target = {};  ///< destination of a jump
};

/// Follows a rule's expressions; an address match is spread over three of them.
class StatementReader {
 public:
  explicit StatementReader(nft::Family family) {
    if (family != nft::Family::inet)
      statement.family = family == nft::Family::ipv4 ? AF_INET : AF_INET6;
  }

  void read(const nftnl_expr* expression) {
    const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
    if (name == "counter" || name == "log") return;
    if (name == "payload") return read_payload(expression);
    if (name == "bitwise") return read_mask(expression);
    if (name == "cmp") return read_compare(expression);
    if (name == "immediate") return read_verdict(expression);
    if (name == "reject") return end(Statement::Verdict::drop);
    if (name == "target" && text_of(expression, NFTNL_EXPR_TG_NAME) == "REJECT")
      return end(Statement::Verdict::drop);
    if (name == "match" && text_of(expression, NFTNL_EXPR_MT_NAME) == "comment") return;
    on_family_ =
        name == "meta" && nftnl_expr_get_u32(expression, NFTNL_EXPR_META_KEY) == NFT_META_NFPROTO;
    if (!on_family_) statement.conditional = true;
  }

  Statement statement;

 private:
  static std::string_view text_of(const nftnl_expr* expression, std::uint16_t attribute) {
    const char* text = nftnl_expr_get_str(expression, attribute);
    return text == nullptr ? "" : text;
  }
  void end(Statement::Verdict verdict) { statement.verdict = verdict; }

  void read_payload(const nftnl_expr* expression) {
    const std::uint32_t offset = nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET);
    const std::uint32_t size = statement.family == AF_INET ? 4 : 16;
    const std::uint32_t source = statement.family == AF_INET ? 12 : 8;
    field_ = nullptr;
    // nft loads only the leading bytes of a network whose length is a multiple of eight.
    length_ = static_cast<int>(nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_LEN) * 8);
    if (statement.family == 0 ||
        nftnl_expr_get_u32(expression, NFTNL_EXPR_PAYLOAD_BASE) != NFT_PAYLOAD_NETWORK_HEADER)
      return;
    if (offset == source) field_ = &statement.source;
    if (offset == source + size) field_ = &statement.destination;
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
    const auto* data =
        static_cast<const std::uint8_t*>(nftnl_expr_get(expression, NFTNL_EXPR_CMP_DATA, &size));
    const bool equal = nftnl_expr_get_u32(expression, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ;
    const std::size_t whole = statement.family == AF_INET ? 4 : 16;
    if (equal && data != nullptr && std::exchange(on_family_, false)) {
      statement.family = data[0] == NFPROTO_IPV4 ? AF_INET : AF_INET6;
    } else if (equal && data != nullptr && field_ != nullptr && size <= whole) {
      std::array<std::uint8_t, 16> bytes{};
      std::memcpy(bytes.data(), data, size);
      *field_ = base::Prefix{*base::IpAddress::from_bytes({bytes.data(), whole}), length_};
    } else {
      statement.conditional = true;
    }
    field_ = nullptr;
  }

  void read_verdict(const nftnl_expr* expression) {
    if (!nftnl_expr_is_set(expression, NFTNL_EXPR_IMM_VERDICT)) return;
    switch (static_cast<int>(nftnl_expr_get_u32(expression, NFTNL_EXPR_IMM_VERDICT))) {
      case NF_ACCEPT:
        return end(Statement::Verdict::accept);
      case NF_DROP:
        return end(Statement::Verdict::drop);
      case NFT_JUMP:
        end(Statement::Verdict::jump);
        break;
      case NFT_GOTO:
        end(Statement::Verdict::go_to);
        break;
      default:
        return;
    }
    statement.target = text_of(expression, NFTNL_EXPR_IMM_CHAIN);
  }

  std::optional<base::Prefix>* field_ = nullptr;
  int length_ = 0;
  bool on_family_ = false;
};

std::vector<Statement> read_statements(nft::Nft& nft, const nft::Table& table,
                                       const std::string& chain) {
  std::vector<Statement> statements;
  nft.visit_rules(
      table, chain,
      [&](const nftnl_rule& rule) {
        StatementReader reader(table.family);
        nftnl_expr_foreach(
            const_cast<nftnl_rule*>(&rule),
            [](nftnl_expr* expression, void* data) {
              static_cast<StatementReader*>(data)->read(expression);
              return 0;
            },
            &reader);
        statements.push_back(std::move(reader.statement));
      },
      [&] { statements.clear(); });
  return statements;
}

/// The ways in which packets of one family leave a chain.
enum class Outcome { fall_through, accept, drop };

/// The way of a packet through one base chain, as far as it does not depend on unknown conditions.
class Walk {
 public:
  Walk(nft::Nft& nft, DroppingChain& chain) : nft_(nft), chain_(chain) {}

  Outcome follow(const std::string& name, int depth = 0) {
    if (depth > kDeepestJump) return Outcome::fall_through;
    for (const Statement& each : read_statements(nft_, chain_.table, name)) {
      if (each.conditional || each.verdict == Statement::Verdict::none) continue;
      const Outcome outcome = take(each, depth);
      if (outcome != Outcome::fall_through) return outcome;
      if (each.verdict == Statement::Verdict::go_to && is_for_all(each)) break;
    }
    return Outcome::fall_through;
  }

 private:
  bool is_for_all(const Statement& each) const {
    return !each.source && !each.destination &&
           (each.family == 0 || chain_.table.family != nft::Family::inet);
  }

  Outcome take(const Statement& each, int depth) {
    using Verdict = Statement::Verdict;
    if (each.verdict == Verdict::jump || each.verdict == Verdict::go_to)
      return is_for_all(each) ? follow(each.target, depth + 1) : Outcome::fall_through;
    if (each.verdict == Verdict::drop)
      return is_for_all(each) ? Outcome::drop : Outcome::fall_through;
    if (is_for_all(each)) return Outcome::accept;
    if (each.source && !each.destination) chain_.accepted_sources.push_back(*each.source);
    if (each.destination && !each.source) chain_.accepted_destinations.push_back(*each.destination);
    if (!each.source && !each.destination) accept_family(each.family);
    return Outcome::fall_through;
  }

  void accept_family(int family) {
    const auto all = *base::Prefix::parse(family == AF_INET ? "0.0.0.0/0" : "::/0");
    chain_.accepted_sources.push_back(all);
    chain_.accepted_destinations.push_back(all);
  }

  nft::Nft& nft_;
  DroppingChain& chain_;
};

}  // namespace

std::vector<DroppingChain> list_dropping_forward_chains(nft::Nft& nft) {
  std::vector<DroppingChain> dropping;
  for (nft::BaseChain& base : nft.list_base_chains()) {
    if (base.hook != NF_INET_FORWARD) continue;
    DroppingChain chain{.table = std::move(base.table), .name = std::move(base.name)};
    const Outcome outcome = Walk(nft, chain).follow(chain.name);
    if (outcome == Outcome::drop || (outcome == Outcome::fall_through && base.drops))
      dropping.push_back(std::move(chain));
  }
  return dropping;
}

}  // namespace firewall
