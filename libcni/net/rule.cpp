// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/rule.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "libcni/base/gone.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

std::string describe(const Rule& rule) {
  return "rule from " + rule.source.text() + " lookup " + std::to_string(rule.table);
}

void fill(Message& message, const Rule& rule) {
  auto& header = message.extra<fib_rule_hdr>();
  header.family = static_cast<std::uint8_t>(rule.source.address.family());
  header.src_len = static_cast<std::uint8_t>(rule.source.length);
  header.table = static_cast<std::uint8_t>(rule.table < 256 ? rule.table : RT_TABLE_UNSPEC);
  header.action = FR_ACT_TO_TBL;
  message.put(FRA_SRC, rule.source.address.bytes());
  if (rule.table >= 256) message.put_u32(FRA_TABLE, rule.table);
  if (rule.priority != 0) message.put_u32(FRA_PRIORITY, rule.priority);
}

/// Returns whether the attribute is more than what Rule holds.
bool is_more(const nlattr& a) {
  switch (type_of(a)) {
    case FRA_SRC:
    case FRA_TABLE:
    case FRA_PRIORITY:
    case FRA_PROTOCOL:
    case FRA_PAD:
      return false;
    case FRA_SUPPRESS_PREFIXLEN:
      return u32_of(a) != UINT32_MAX;  // the kernel writes "none" for every rule
    default:
      return true;
  }
}

Rule parse(const nlmsghdr& message, const fib_rule_hdr& header) {
  constexpr std::array<std::uint8_t, 16> kZero{};
  const std::span any(kZero);
  Rule rule{.source = {.address = *base::IpAddress::from_bytes(
                           header.family == AF_INET ? any.first(4) : any),
                       .length = header.src_len},
            .table = header.table,
            .has_more = header.tos != 0 || (header.flags & FIB_RULE_INVERT) != 0};
  for_each_attribute<fib_rule_hdr>(message, [&](const nlattr& a) {
    if (is_more(a)) rule.has_more = true;
    if (type_of(a) == FRA_TABLE) rule.table = u32_of(a);
    if (type_of(a) == FRA_PRIORITY) rule.priority = u32_of(a);
    if (type_of(a) != FRA_SRC) return;
    if (const auto source = base::IpAddress::from_bytes(bytes_of(a))) rule.source.address = *source;
  });
  return rule;
}

}  // namespace

std::vector<Rule> list_rules(Netlink& netlink, int family) {
  std::vector<Rule> rules;
  Message message(RTM_GETRULE, 0);
  message.extra<fib_rule_hdr>().family = static_cast<std::uint8_t>(family);
  netlink.dump(
      message, "list rules",
      [&](const nlmsghdr& reply) {
        const auto* header = header_of<fib_rule_hdr>(reply);
        // A kernel without policy rules of a family answers with those of all.
        if (header != nullptr && header->action == FR_ACT_TO_TBL && header->family == family)
          rules.push_back(parse(reply, *header));
      },
      [&] { rules.clear(); });
  return rules;
}

void put_rule(Batch& batch, const Rule& rule) {
  Message message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
  fill(message, rule);
  batch.add(message, "add " + describe(rule), [](int errnum) { return errnum == EEXIST; });
}

void remove_rule(Batch& batch, const Rule& rule) {
  Message message(RTM_DELRULE, 0);
  fill(message, rule);
  batch.add(message, "remove " + describe(rule),
            [](int errnum) { return base::is_gone(errnum, base::Object::rule); });
}

}  // namespace net
