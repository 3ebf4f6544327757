// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/hostport_table.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

namespace net::hostport {
namespace {

using nft::append;
using nft::append_port;
using nft::append_proto;
using nft::Batch;
using nft::Bytes;
using nft::Field;
using nft::Rule;
using nft::RuleInfo;
using nft::Set;
using nft::Type;
using enum nft::Field::Name;

std::string hairpin_set(int length) {
  return "hairpin_" + std::to_string(length);
}

/// The networks whose translated connections to the container are masqueraded.
std::vector<base::Prefix> masqueraded_sources(const HostPorts& ports) {
  const bool v4 = ports.container.address.is_v4();
  switch (ports.masquerade) {
    case HostPortMasquerade::none:
      return {};
    case HostPortMasquerade::all:
      return {*base::Prefix::parse(v4 ? "0.0.0.0/0" : "::/0")};
    case HostPortMasquerade::local:
      break;
  }
  std::vector<base::Prefix> sources{ports.container.network()};
  if (v4) sources.push_back(*base::Prefix::parse("127.0.0.1/32"));
  return sources;
}

std::vector<Field> port_fields() {
  return {{l4proto}, {destination_port}};
}
std::vector<Field> host_ip_fields() {
  return {{destination}, {l4proto}, {destination_port}};
}
std::vector<Field> hairpin_fields(int length) {
  return {{source, length}, {destination}, {l4proto}, {destination_port}};
}

Rule hairpin_rule(int family, int length) {
  // Only what was translated: a pod that talks to another one directly keeps its address.
  Rule rule(hairpin_set(length));
  rule.destination_was_translated()
      .in_set(hairpin_set(length), family, hairpin_fields(length))
      .masquerade();
  return rule;
}

Rule local_rule() {
  Rule rule;
  rule.destination_is_local().jump(kChainAll);
  return rule;
}

Rule dnat_rule(int family, const char* map, const std::vector<Field>& fields) {
  Rule rule(map);
  rule.dnat_by_map(map, family, fields);
  return rule;
}

bool has_comment(const std::vector<RuleInfo>& rules, std::string_view chain,
                 std::string_view comment) {
  return std::ranges::any_of(
      rules, [&](const RuleInfo& rule) { return rule.chain == chain && rule.comment == comment; });
}

bool has_target(const std::vector<RuleInfo>& rules, std::string_view chain,
                std::string_view target) {
  return std::ranges::any_of(
      rules, [&](const RuleInfo& rule) { return rule.chain == chain && rule.target == target; });
}

void declare(Batch& batch, int family) {
  const Type address = nft::address_type(family);
  batch.ensure_table("CNI portmap plugin");
  for (const char* chain : {kChainPorts, kChainHostIpPorts, kChainAll}) batch.ensure_chain(chain);
  batch.ensure_base_chain(kChainPrerouting, nft::prerouting_nat());
  batch.ensure_base_chain(kChainOutput, nft::output_nat());
  batch.ensure_base_chain(kChainMasquerading, nft::postrouting_nat());
  batch.ensure_set(Set{.name = kPorts,
                       .key = {Type::inet_proto, Type::inet_service},
                       .data = {address, Type::inet_service}});
  batch.ensure_set(Set{.name = kHostIpPorts,
                       .key = {address, Type::inet_proto, Type::inet_service},
                       .data = {address, Type::inet_service}});
}

void match(Rule& rule, const HostPortCondition& condition) {
  const Rule::Match how = condition.negated ? Rule::Match::unequal : Rule::Match::equal;
  switch (condition.kind) {
    case HostPortCondition::Kind::source:
      rule.source(condition.prefix, how);
      break;
    case HostPortCondition::Kind::destination:
      rule.destination(condition.prefix, how);
      break;
    case HostPortCondition::Kind::input_link:
      rule.input_link(condition.link, how);
      break;
    case HostPortCondition::Kind::output_link:
      rule.output_link(condition.link, how);
      break;
    case HostPortCondition::Kind::mark:
      rule.mark(condition.mark, condition.mask, how);
      break;
  }
}

}  // namespace

nft::Table table_of(int family) {
  return {nft::family_of(family), "cni_hostport"};
}

std::vector<Placed> elements_of(const HostPorts& ports, const std::string& comment) {
  std::vector<Placed> placed;
  std::set<std::pair<std::string, Bytes>> seen;  // two host ports may lead to one container port
  const auto put = [&](const std::string& set, const Bytes& key, const Bytes& data) {
    if (seen.emplace(set, key).second) placed.push_back({set, {key, data, comment}});
  };
  for (const HostPort& port : ports.ports) {
    Bytes key;
    Bytes data;
    if (port.host_ip) append(key, *port.host_ip);
    append_port(append_proto(key, port.protocol), port.host_port);
    append_port(append(data, ports.container.address), port.container_port);
    if (ports.conditions.empty()) put(port.host_ip ? kHostIpPorts : kPorts, key, data);
    for (const base::Prefix& from : masqueraded_sources(ports)) {
      Bytes hairpin;
      append(append(hairpin, from.address), ports.container.address);
      append_port(append_proto(hairpin, port.protocol), port.container_port);
      put(hairpin_set(from.length), hairpin, {});
    }
  }
  return placed;
}

std::vector<std::pair<std::string, Rule>> rules_of(const HostPorts& ports,
                                                   const std::string& comment) {
  std::vector<std::pair<std::string, Rule>> rules;
  if (ports.conditions.empty()) return rules;
  for (const HostPort& port : ports.ports) {
    Rule rule(comment);
    for (const HostPortCondition& condition : ports.conditions) match(rule, condition);
    if (port.host_ip) rule.destination(base::host_prefix(*port.host_ip));
    rule.l4proto(port.protocol).destination_port(port.host_port);
    rule.dnat(ports.container.address, port.container_port);
    rules.emplace_back(port.host_ip ? kChainHostIpPorts : kChainPorts, std::move(rule));
  }
  return rules;
}

bool repair(Batch& batch, const HostPorts& ports, const std::vector<RuleInfo>& rules) {
  const int family = ports.container.address.family();
  std::vector<base::Prefix> hairpins = masqueraded_sources(ports);
  std::erase_if(hairpins, [&](const base::Prefix& from) {
    return has_comment(rules, kChainMasquerading, hairpin_set(from.length));
  });
  const bool all =
      has_target(rules, kChainAll, kChainHostIpPorts) && has_target(rules, kChainAll, kChainPorts);
  const bool prerouting = has_target(rules, kChainPrerouting, kChainAll);
  const bool output = has_target(rules, kChainOutput, kChainAll);
  const bool map = has_comment(rules, kChainPorts, kPorts);
  const bool host_ip_map = has_comment(rules, kChainHostIpPorts, kHostIpPorts);
  if (hairpins.empty() && all && prerouting && output && map && host_ip_map) return false;
  declare(batch, family);
  if (!map) batch.append_rule(kChainPorts, dnat_rule(family, kPorts, port_fields()));
  if (!host_ip_map)
    batch.append_rule(kChainHostIpPorts, dnat_rule(family, kHostIpPorts, host_ip_fields()));
  if (!all) {
    batch.flush_chain(kChainAll);
    batch.append_rule(kChainAll, Rule().jump(kChainHostIpPorts));
    batch.append_rule(kChainAll, Rule().jump(kChainPorts));
  }
  if (!prerouting) batch.append_rule(kChainPrerouting, local_rule());
  if (!output) batch.append_rule(kChainOutput, local_rule());
  std::set<int> lengths;
  for (const base::Prefix& from : hairpins) {
    if (!lengths.insert(from.length).second) continue;
    const Type address = nft::address_type(family);
    batch.ensure_set(Set{.name = hairpin_set(from.length),
                         .key = {address, address, Type::inet_proto, Type::inet_service}});
    batch.append_rule(kChainMasquerading, hairpin_rule(family, from.length));
  }
  return true;
}

std::uint16_t udp_port_of(const Placed& placed) {
  if (placed.set != kPorts && placed.set != kHostIpPorts) return 0;
  const Bytes& key = placed.element.key;
  if (key.size() < 8 || key[key.size() - 8] != IPPROTO_UDP) return 0;
  return static_cast<std::uint16_t>(key[key.size() - 4] << 8 | key[key.size() - 3]);
}

}  // namespace net::hostport
