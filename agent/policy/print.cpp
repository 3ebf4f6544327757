// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "agent/policy/read.h"
#include "agent/policy/table.h"

namespace agent::policy {
namespace {

using Kind = Condition::Kind;

std::string ip(int family) {
  return family == AF_INET ? "ip" : "ip6";
}

std::string in_set(const Condition& condition, const std::string& fields) {
  return fields + (condition.inverted ? " != @" : " @") + condition.set;
}

std::string ports_text(const Condition& condition) {
  const std::string first = std::to_string(condition.first);
  return protocol_text(condition.protocol) + " dport " + first +
         (condition.last == condition.first ? "" : "-" + std::to_string(condition.last));
}

std::string text_of(const Condition& condition) {
  const std::string here = ip(condition.family);
  switch (condition.kind) {
    case Kind::marked_denied:
      return "ct mark & 0x08000000 != 0x0";
    case Kind::reply:
      return "ct direction reply ct state established";
    case Kind::related:
      return std::string("ct state related meta l4proto ") +
             (condition.family == AF_INET ? "icmp" : "ipv6-icmp");
    case Kind::invalid:
      return "ct state invalid";
    case Kind::hop_limit:
      return "ip6 hoplimit " + std::to_string(condition.first);
    case Kind::icmp6_types:
      return "icmpv6 type " + std::to_string(condition.first) +
             (condition.last == condition.first ? "" : "-" + std::to_string(condition.last));
    case Kind::family:
      return std::string("meta nfproto ") + (condition.family == AF_INET ? "ipv4" : "ipv6");
    case Kind::source_in:
      return in_set(condition, here + " saddr");
    case Kind::destination_in:
      return in_set(condition, here + " daddr");
    case Kind::pair_in:
      return in_set(condition, here + " saddr . " + here + " daddr");
    case Kind::target_in:
      return in_set(condition, here + " daddr . meta l4proto . th dport");
    case Kind::source:
      return here + " saddr " + condition.block.text();
    case Kind::destination:
      return here + " daddr " + condition.block.text();
    case Kind::protocol:
      return "meta l4proto " + protocol_text(condition.protocol);
    case Kind::ports:
      return ports_text(condition);
    case Kind::source_is_foreign:
      return "fib saddr type != local";
  }
  return {};
}

std::string verdict_text(const TableRule& rule) {
  using Verdict = TableRule::Verdict;
  switch (rule.verdict) {
    case Verdict::accept:
      return "accept";
    case Verdict::drop:
      return "drop";
    case Verdict::give_back:
      return "return";
    case Verdict::go_to:
      return "goto " + rule.target;
    case Verdict::source_map:
      return ip(rule.family) + " saddr vmap @" + rule.target;
    case Verdict::destination_map:
      return ip(rule.family) + " daddr vmap @" + rule.target;
    case Verdict::reset:
      return "reject with tcp reset";
    case Verdict::reject:
      return "reject with icmpx type admin-prohibited";
  }
  return {};
}

std::string type_text(const TableSet& set) {
  const std::string address = set.family == AF_INET ? "ipv4_addr" : "ipv6_addr";
  switch (set.kind) {
    case TableSet::Kind::addresses:
      return address;
    case TableSet::Kind::ranges:
      return address + "; flags interval";
    case TableSet::Kind::pairs:
      return address + " . " + address;
    case TableSet::Kind::targets:
      return address + " . inet_proto . inet_service";
    case TableSet::Kind::verdicts:
      return address + " : verdict";
  }
  return {};
}

std::string text_of(const Element& element, TableSet::Kind kind) {
  const std::string address = element.address.text();
  switch (kind) {
    case TableSet::Kind::addresses:
      return address;
    case TableSet::Kind::ranges:
      return element.other == element.address ? address : address + "-" + element.other.text();
    case TableSet::Kind::pairs:
      return address + " . " + element.other.text();
    case TableSet::Kind::targets:
      return address + " . " + protocol_text(element.protocol) + " . " +
             std::to_string(element.port);
    case TableSet::Kind::verdicts:
      return address + " : jump " + element.chain;
  }
  return {};
}

std::string print_set(const TableSet& set) {
  const bool map = set.kind == TableSet::Kind::verdicts;
  std::string elements;
  for (const Element& each : set.elements)
    elements += (elements.empty() ? "" : ",\n      ") + text_of(each, set.kind);
  return std::string("  ") + (map ? "map " : "set ") + set.name + " {\n    type " + type_text(set) +
         ";\n" + (elements.empty() ? "" : "    elements = { " + elements + " }\n") + "  }\n";
}

std::string print_chain(const TableChain& chain) {
  std::string text = "  chain " + chain.name + " {\n";
  const char* hook = chain.hook == TableChain::Hook::forward ? "forward" : "output";
  if (chain.hook != TableChain::Hook::none)
    text += std::string("    type filter hook ") + hook + " priority 0; policy accept;\n";
  if (!chain.comment.empty()) text += "    comment \"" + chain.comment + "\"\n";
  for (const TableRule& rule : chain.rules) text += "    " + text_of(rule) + "\n";
  return text + "  }\n";
}

}  // namespace

std::string comment_of(std::string text) {
  constexpr std::size_t kLongest = 120;  // nf_tables stores 128 bytes
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyz0123456789-./ ";
  text.resize(std::min(text.size(), kLongest));
  std::ranges::replace_if(
      text, [&](char c) { return kPlain.find(c) == kPlain.npos; }, '?');
  return text;
}

std::string text_of(const TableRule& rule) {
  std::string text;
  for (const Condition& condition : rule.conditions) text += text_of(condition) + " ";
  if (rule.counts) text += "counter ";
  text += verdict_text(rule);
  return rule.comment.empty() ? text : text + " comment \"" + rule.comment + "\"";
}

std::string print_table(const PolicyTable& table) {
  const std::string name = std::string("table inet ") + kTableName;
  std::string text = "add " + name + "\ndelete " + name + "\n" + name + " {\n";
  for (const TableSet& set : table.sets) text += print_set(set);
  for (const TableChain& chain : table.chains) text += print_chain(chain);
  return text + "}\n";
}

}  // namespace agent::policy
