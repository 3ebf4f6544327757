// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

#include "libcni/firewall/hostport.h"
#include "libcni/firewall/hostport_table.h"

namespace firewall {
namespace {

using namespace hostport;
using nft::Nft;
using nft::RuleInfo;
using Rules = std::vector<RuleInfo>;

bool jumps(const Rules& rules, std::string_view from, std::string_view to) {
  return std::ranges::any_of(
      rules, [&](const RuleInfo& rule) { return rule.chain == from && rule.target == to; });
}

/// Returns whether packets from outside and from the host itself reach `chain`. Releases of the
/// reference before 1.9 jump there without hostports_all.
bool is_reached(const Rules& rules, std::string_view chain) {
  return std::ranges::all_of(std::array{kChainPrerouting, kChainOutput}, [&](const char* hook) {
    return jumps(rules, hook, chain) ||
           (jumps(rules, hook, kChainAll) && jumps(rules, kChainAll, chain));
  });
}

bool has_shared_rule(const Rules& rules, std::string_view chain, std::string_view comment) {
  return std::ranges::any_of(
      rules, [&](const RuleInfo& rule) { return rule.chain == chain && rule.comment == comment; });
}

/// One attachment's ports of one family, and the rules of the table.
struct Check {
  Nft& nft;
  const Owner& owner;
  const HostPorts& ports;
  nft::Table table;
  Rules rules;

  std::string where() const {
    return "nf_tables table \"" + std::string(table.family == nft::Family::ipv4 ? "ip " : "ip6 ") +
           table.name + "\"";
  }
  bool is_ours(const RuleInfo& rule) const {
    return is_owned_by(rule.comment, owner) || rule.comment == owner.container_id;
  }
};

/// Returns whether a rule for this attachment leads the port there: one of the reference, or one
/// with conditions.
bool is_led_by_rule(const Check& check, const HostPort& port) {
  const char* chain = port.host_ip ? kChainHostIpPorts : kChainPorts;
  const bool found = std::ranges::any_of(check.rules, [&](const RuleInfo& rule) {
    return check.is_ours(rule) && (rule.chain == kChainPorts || rule.chain == kChainHostIpPorts) &&
           rule.protocol == port.protocol && rule.port == port.host_port &&
           rule.translated_to == check.ports.container.address &&
           rule.translated_port == port.container_port &&
           (!port.host_ip || rule.destination == base::host_prefix(*port.host_ip));
  });
  return found && (is_reached(check.rules, chain) || is_reached(check.rules, kChainPorts));
}

bool is_led_by_element(const Check& check, const Placed& wanted) {
  const char* chain = wanted.set == kPorts ? kChainPorts : kChainHostIpPorts;
  const auto present = check.nft.find_element(check.table, wanted.set, wanted.element.key);
  return present && present->data == wanted.element.data &&
         has_shared_rule(check.rules, chain, wanted.set) && is_reached(check.rules, chain);
}

/// The source network of a hairpin element comes first in its key.
bool is_masqueraded(const Check& check, const Placed& wanted) {
  const base::Prefix container = base::host_prefix(check.ports.container.address);
  const bool by_rule = std::ranges::any_of(check.rules, [&](const RuleInfo& rule) {
    return check.is_ours(rule) && rule.chain == kChainMasquerading && rule.target == "MASQUERADE" &&
           rule.destination == container;
  });
  return by_rule || (has_shared_rule(check.rules, kChainMasquerading, wanted.set) &&
                     check.nft.find_element(check.table, wanted.set, wanted.element.key));
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

void check_port(const Check& check, const HostPort& port) {
  HostPorts single = check.ports;
  single.ports = {port};
  const std::string name = "host port " + describe(port);
  bool led = is_led_by_rule(check, port);
  for (const Placed& wanted : elements_of(single, {})) {
    if (wanted.set == kPorts || wanted.set == kHostIpPorts)
      led = led || is_led_by_element(check, wanted);
    else if (!is_masqueraded(check, wanted))
      fail(name + ": the rule that masquerades connections to " +
           check.ports.container.address.text() + " is missing from " + check.where());
  }
  if (!led)
    fail(name + " is missing from " + check.where() + ": no element or rule leads it to " +
         check.ports.container.address.text() + " port " + std::to_string(port.container_port));
}

}  // namespace

void check_host_ports(Nft& nft, const Owner& owner, std::span<const HostPorts> families) {
  for (const HostPorts& ports : families) {
    const nft::Table table = table_of(ports.container.address.family());
    const Check check{nft, owner, ports, table, nft.list_rules(table)};
    for (const HostPort& port : ports.ports) check_port(check, port);
  }
}

}  // namespace firewall
