// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/policy_wire.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace agent {
namespace {

using policy::Condition;
using policy::PolicyTable;
using policy::TableChain;
using policy::TableRule;
using policy::TableSet;
using Kind = Condition::Kind;
using Name = nft::Field::Name;

constexpr const char* kComment =
    "network policies of this node's pods; made by Plumb, changes are lost";

void look_up(nft::Rule& rule, const Condition& condition, const std::vector<nft::Field>& fields) {
  rule.address_family(condition.family)
      .in_set(condition.set, condition.family, fields,
              condition.inverted ? nft::Rule::Match::unequal : nft::Rule::Match::equal);
}

void add_condition(nft::Rule& rule, const Condition& condition) {
  switch (condition.kind) {
    case Kind::marked_denied:
      rule.connection_is_marked(policy::kDeniedMark);
      break;
    case Kind::reply:
      rule.connection_is_reply();
      break;
    case Kind::related:
      rule.connection_is_related().l4proto(
          condition.family == AF_INET ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6});
      break;
    case Kind::invalid:
      rule.connection_is_invalid();
      break;
    case Kind::hop_limit:
      rule.address_family(condition.family)
          .ip6_hop_limit(static_cast<std::uint8_t>(condition.first));
      break;
    case Kind::icmp6_types:
      rule.icmp6_types(static_cast<std::uint8_t>(condition.first),
                       static_cast<std::uint8_t>(condition.last));
      break;
    case Kind::family:
      rule.address_family(condition.family);
      break;
    case Kind::source_in:
      look_up(rule, condition, {{Name::source}});
      break;
    case Kind::destination_in:
      look_up(rule, condition, {{Name::destination}});
      break;
    case Kind::pair_in:
      look_up(rule, condition, {{Name::source}, {Name::destination}});
      break;
    case Kind::target_in:
      look_up(rule, condition, {{Name::destination}, {Name::l4proto}, {Name::destination_port}});
      break;
    case Kind::source:
      rule.address_family(condition.family).source(condition.block);
      break;
    case Kind::destination:
      rule.address_family(condition.family).destination(condition.block);
      break;
    case Kind::protocol:
      rule.l4proto(condition.protocol);
      break;
    case Kind::ports:
      rule.l4proto(condition.protocol).destination_ports({condition.first, condition.last});
      break;
    case Kind::source_is_foreign:
      rule.source_is_foreign();
      break;
  }
}

void add_verdict(nft::Rule& rule, const TableRule& wanted) {
  using Verdict = TableRule::Verdict;
  switch (wanted.verdict) {
    case Verdict::accept:
      rule.accept();
      break;
    case Verdict::drop:
      rule.drop();
      break;
    case Verdict::give_back:
      rule.return_to_caller();
      break;
    case Verdict::go_to:
      rule.go_to(wanted.target);
      break;
    case Verdict::source_map:
      rule.address_family(wanted.family)
          .decide_by_map(wanted.target, wanted.family, {{Name::source}});
      break;
    case Verdict::destination_map:
      rule.address_family(wanted.family)
          .decide_by_map(wanted.target, wanted.family, {{Name::destination}});
      break;
    case Verdict::reset:
      rule.refuse_with_reset();
      break;
    case Verdict::reject:
      rule.refuse_as_prohibited();
      break;
  }
}

nft::Bytes key_of(const policy::Element& element, TableSet::Kind kind) {
  nft::Bytes key;
  nft::append(key, element.address);
  if (kind == TableSet::Kind::pairs) nft::append(key, element.other);
  if (kind == TableSet::Kind::targets)
    nft::append_port(nft::append_proto(key, element.protocol), element.port);
  return key;
}

void add_chain(nft::Batch& batch, const TableChain& chain) {
  if (chain.hook == TableChain::Hook::none)
    batch.ensure_chain(chain.name, chain.comment);
  else
    batch.ensure_base_chain(chain.name, chain.hook == TableChain::Hook::forward
                                            ? nft::forward_filter()
                                            : nft::output_filter());
}

void add_rules(nft::Batch& batch, const TableChain& chain) {
  for (const TableRule& rule : chain.rules) batch.append_rule(chain.name, wire_of(rule));
}

/// The entry of a list sorted or not, by name.
template <typename Object>
const Object* find(const std::vector<Object>& list, const std::string& name) {
  const auto found = std::ranges::find(list, name, &Object::name);
  return found == list.end() ? nullptr : &*found;
}

bool by_wire(const nft::Element& a, const nft::Element& b) {
  return std::tie(a.key, a.interval_end, a.chain) < std::tie(b.key, b.interval_end, b.chain);
}

void change_elements(nft::Batch& batch, const TableSet& before, const TableSet& after) {
  if (before.elements == after.elements) return;
  const auto present = elements_of(before);
  const auto wanted = elements_of(after);
  std::vector<nft::Element> surplus, missing;
  std::ranges::set_difference(present, wanted, std::back_inserter(surplus), by_wire);
  std::ranges::set_difference(wanted, present, std::back_inserter(missing), by_wire);
  for (const nft::Element& each : surplus)
    batch.remove_element(after.name, each.key, each.interval_end);
  for (const nft::Element& each : missing) batch.add_element(after.name, each);
}

void add_set(nft::Batch& batch, const TableSet& set) {
  batch.ensure_set(wire_of(set));
  if (set.kind == TableSet::Kind::verdicts) return;  // their chains are not there yet
  for (const nft::Element& each : elements_of(set)) batch.add_element(set.name, each);
}

void fill_maps(nft::Batch& batch, const std::vector<TableSet>& sets) {
  for (const TableSet& set : sets)
    if (set.kind == TableSet::Kind::verdicts)
      for (const nft::Element& each : elements_of(set)) batch.add_element(set.name, each);
}

}  // namespace

nft::Table policy_table() {
  return {nft::Family::inet, policy::kTableName};
}

nft::Set wire_of(const TableSet& set) {
  const nft::Type address = nft::address_type(set.family);
  nft::Set made{.name = set.name, .key = {address}};
  if (set.kind == TableSet::Kind::pairs) made.key.push_back(address);
  if (set.kind == TableSet::Kind::targets)
    made.key = {address, nft::Type::inet_proto, nft::Type::inet_service};
  made.intervals = set.kind == TableSet::Kind::ranges;
  made.verdicts = set.kind == TableSet::Kind::verdicts;
  return made;
}

std::vector<nft::Element> elements_of(const TableSet& set) {
  std::vector<nft::Element> made;
  for (const policy::Element& each : set.elements) {
    made.push_back({.key = key_of(each, set.kind), .chain = each.chain});
    if (set.kind != TableSet::Kind::ranges) continue;
    const base::IpAddress after = each.other.plus(1);
    nft::Bytes end;
    nft::append(end, after);
    if (each.other < after) made.push_back({.key = end, .interval_end = true});
  }
  std::ranges::sort(made, by_wire);
  return made;
}

nft::Rule wire_of(const TableRule& wanted) {
  nft::Rule rule(wanted.comment);
  for (const Condition& condition : wanted.conditions) add_condition(rule, condition);
  if (wanted.counts) rule.counter();
  add_verdict(rule, wanted);
  return rule;
}

void add_replacement(nft::Batch& batch, const PolicyTable& table) {
  batch.ensure_table({});  // so that its removal cannot fail
  batch.remove_table();
  batch.ensure_table(kComment);
  for (const TableSet& set : table.sets) add_set(batch, set);
  for (const TableChain& chain : table.chains) add_chain(batch, chain);
  for (const TableChain& chain : table.chains) add_rules(batch, chain);
  fill_maps(batch, table.sets);
}

void add_difference(nft::Batch& batch, const PolicyTable& before, const PolicyTable& after) {
  for (const TableSet& set : after.sets)
    if (find(before.sets, set.name) == nullptr) add_set(batch, set);
  for (const TableChain& chain : after.chains) {
    const TableChain* present = find(before.chains, chain.name);
    if (present != nullptr && *present == chain) continue;
    add_chain(batch, chain);
    if (present != nullptr) batch.flush_chain(chain.name);
    add_rules(batch, chain);
  }
  for (const TableSet& set : after.sets)
    if (const TableSet* present = find(before.sets, set.name))
      change_elements(batch, *present, set);
    else if (set.kind == TableSet::Kind::verdicts)
      fill_maps(batch, {set});
  // Maps that go lead to chains that go: their elements first.
  for (const TableSet& set : before.sets)
    if (find(after.sets, set.name) == nullptr && set.kind == TableSet::Kind::verdicts)
      change_elements(batch, set, {.name = set.name, .family = set.family, .kind = set.kind});
  for (const TableChain& chain : before.chains)
    if (find(after.chains, chain.name) == nullptr) batch.remove_chain(chain.name);
  for (const TableSet& set : before.sets)
    if (find(after.sets, set.name) == nullptr) batch.remove_set(set.name);
}

}  // namespace agent
