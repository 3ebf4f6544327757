// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/hostport_table.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

namespace firewall::hostport {
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

/// Lists the source networks whose translated connections to the container are masqueraded.
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
  // Only translated connections: a pod that talks to another pod directly keeps its address.
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

std::uint16_t port_at(const Bytes& bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// The part `net: n, if: i, id: c` of owner_comment(); any other comment unchanged.
std::string holder_in(const std::string& comment) {
  const auto comma = comment.find(", ");
  return comma == std::string::npos ? "\"" + comment + "\"" : comment.substr(comma + 2);
}

const base::Prefix& loopback_v6() {
  static const base::Prefix kLoopback = *base::Prefix::parse("::1/128");
  return kLoopback;
}

/// IPv6 has no route_localnet: a translated connection to ::1 hangs until it times out. Without
/// translation it is refused at once, and clients go on to 127.0.0.1.
Rule loopback_rule() {
  Rule rule;
  rule.destination(loopback_v6()).return_to_caller();
  return rule;
}

bool spares_loopback(const std::vector<RuleInfo>& rules, int family) {
  return family == AF_INET || std::ranges::any_of(rules, [](const RuleInfo& rule) {
           return rule.chain == kChainOutput && rule.target.empty() &&
                  rule.destination == loopback_v6();
         });
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

namespace {

/// The parts of the key of a hairpin set.
struct Hairpin {
  base::Prefix source;
  base::Prefix container;
  std::uint8_t protocol;
  std::uint16_t port;
};

Hairpin hairpin_of(const Placed& placed) {
  const Bytes& key = placed.element.key;
  const std::size_t size = (key.size() - 8) / 2;
  const auto address = [&](std::size_t at) {
    return *base::IpAddress::from_bytes(std::span(key).subspan(at, size));
  };
  const int length = std::stoi(placed.set.substr(placed.set.rfind('_') + 1));
  return {{address(0), length},
          base::host_prefix(address(size)),
          key[2 * size],
          port_at(key, 2 * size + 4)};
}

}  // namespace

Rule hairpin_rule_of(const Placed& placed, const std::string& comment) {
  const Hairpin hairpin = hairpin_of(placed);
  Rule rule(comment);
  rule.destination_was_translated()
      .source(hairpin.source)
      .destination(hairpin.container)
      .l4proto(hairpin.protocol)
      .destination_port(hairpin.port)
      .masquerade();
  return rule;
}

bool is_hairpin_rule_of(const RuleInfo& rule, const Placed& placed) {
  const Hairpin hairpin = hairpin_of(placed);
  return rule.chain == kChainMasquerading && rule.target == "MASQUERADE" &&
         rule.source == hairpin.source && rule.destination == hairpin.container &&
         rule.protocol == hairpin.protocol && rule.port == hairpin.port;
}

std::optional<HostPortHold> hold_of(const Placed& placed) {
  const bool one_address = placed.set == kHostIpPorts;
  const Bytes& key = placed.element.key;
  const Bytes& data = placed.element.data;
  if ((!one_address && placed.set != kPorts) || key.size() < 8 || data.size() < 8)
    return std::nullopt;
  const std::size_t at = key.size() - 8;
  const auto container = base::IpAddress::from_bytes(std::span(data).first(data.size() - 4));
  if (!container) return std::nullopt;
  HostPortHold hold{.port = {.protocol = key[at],
                             .host_port = port_at(key, at + 4),
                             .container_port = port_at(data, data.size() - 4)},
                    .container = *container,
                    .mark = placed.element.comment,
                    .holder = holder_in(placed.element.comment)};
  if (one_address) hold.port.host_ip = base::IpAddress::from_bytes(std::span(key).first(at));
  return hold;
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
  const bool loopback = spares_loopback(rules, family);
  if (hairpins.empty() && all && prerouting && output && loopback && map && host_ip_map)
    return false;
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
  if (!loopback) batch.insert_rule(kChainOutput, loopback_rule());
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
  return port_at(key, key.size() - 4);
}

}  // namespace firewall::hostport
