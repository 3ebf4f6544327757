// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/hostport_holder.h"

#include <sys/socket.h>

#include <algorithm>

#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/firewall/hostport_iptables.h"
#include "libcni/firewall/hostport_table.h"
#include "libcni/firewall/iptables.h"

namespace firewall {

bool belongs_to(const HostPortHold& hold, const Owner& owner) {
  return is_owned_by(hold.mark, owner) || hold.mark == owner.container_id ||
         hold.mark == iptables_chain(kHostPortChainPrefix, owner);
}

std::string describe(const HostPort& port) {
  return (port.host_ip ? port.host_ip->text() + " " : "") + port_protocol_name(port.protocol) +
         " " + std::to_string(port.host_port);
}

namespace hostport {
namespace {

using nft::Batch;
using nft::RuleInfo;

/// The host address of the hold; nothing when it holds the port on all addresses.
std::optional<base::IpAddress> host_ip_of(const RuleInfo& rule) {
  return rule.destination ? std::optional(rule.destination->address) : std::nullopt;
}

bool is_conditional(const RuleInfo& rule) {
  const bool to_network =
      rule.destination && rule.destination->length != rule.destination->address.bits();
  return rule.has_more || rule.source || rule.mark != 0 || to_network || rule.excludes_destination;
}

bool is_same(const HostPort& one, const HostPort& other) {
  return one.protocol == other.protocol && one.host_port == other.host_port &&
         one.host_ip == other.host_ip;
}

HostPortHold hold_from(const RuleInfo& rule, const std::string& mark, const std::string& holder) {
  return {.port = {.protocol = rule.protocol,
                   .host_port = rule.port,
                   .container_port = rule.translated_port,
                   .host_ip = host_ip_of(rule)},
          .container = *rule.translated_to,
          .mark = mark,
          .holder = holder};
}

/// Returns whether the entry rule of a container's chain matches one of `wanted`.
bool lists(const NatRule& entry, std::span<const HostPort> wanted) {
  return wanted.empty() || std::ranges::any_of(wanted, [&](const HostPort& port) {
           return port.protocol == entry.protocol &&
                  std::ranges::find(entry.ports, port.host_port) != entry.ports.end();
         });
}

void put_holds(std::vector<HostPortHold>& holds, TableView& view, const NatRule& entry) {
  // The comment is `dnat name: "..." id: "..."`.
  const auto blank = entry.comment.find(' ');
  const std::string holder =
      blank == std::string::npos ? "chain " + entry.target : entry.comment.substr(blank + 1);
  for (const NatRule& rule : view.list_rules(entry.target))
    if (rule.target == "DNAT" && rule.translated_to && !is_conditional(rule) &&
        rule.protocol == entry.protocol &&
        std::ranges::find(entry.ports, rule.port) != entry.ports.end())
      holds.push_back(hold_from(rule, entry.target, holder));
}

bool concerns(const RuleInfo& rule, const HostPortHold& hold) {
  return rule.comment == hold.mark && (rule.translated_to == hold.container ||
                                       rule.destination == base::host_prefix(hold.container));
}

/// Removes the holder's elements and rules for this container address.
void evict_from_nft(nft::Nft& nft, const HostPortHold& hold) {
  const nft::Table table = table_of(hold.container.family());
  nft::retry_on_conflict([&] {
    Batch batch(table);
    for (const std::string& set : nft.list_sets(table))
      for (const nft::Element& element : nft.list_elements(
               table, set, [&](std::string_view comment) { return comment == hold.mark; }))
        batch.remove_element(set, element.key);
    for (const RuleInfo& rule : nft.list_rules(table))
      if (concerns(rule, hold)) batch.remove_rule(rule.chain, rule.handle);
    nft.commit(batch);
  });
}

void evict(nft::Nft& nft, const HostPortHold& hold) {
  if (!hold.mark.starts_with(kHostPortChainPrefix)) return evict_from_nft(nft, hold);
  const NatRemoval removal{.chain = hold.mark, .entry_chain = kHostPortEntries};
  remove_nat_chains(nft, {&removal, 1});
}

void take_over_all(const Claim& claim, const HostPorts& ports,
                   const std::vector<HostPortHold>& holds) {
  for (const HostPortHold& hold : holds) {
    const bool wanted = std::ranges::any_of(
        ports.ports, [&](const HostPort& port) { return is_same(port, hold.port); });
    if (wanted && !belongs_to(hold, claim.owner)) take_over(claim, hold);
  }
}

}  // namespace

std::vector<HostPortHold> holds_in(const std::vector<RuleInfo>& rules) {
  std::vector<HostPortHold> holds;
  for (const RuleInfo& rule : rules) {
    const bool listed = rule.chain == kChainPorts || rule.chain == kChainHostIpPorts;
    // Skips our own rules: these have conditions, and comments of several parts.
    const bool by_reference = rule.comment.find(',') == std::string::npos;
    if (listed && by_reference && rule.translated_to && rule.port != 0 && !is_conditional(rule))
      holds.push_back(hold_from(rule, rule.comment, "container \"" + rule.comment + "\""));
  }
  return holds;
}

std::vector<HostPortHold> list_iptables_holds(nft::Nft& nft, int family,
                                              std::span<const HostPort> wanted) {
  std::vector<HostPortHold> holds;
  for (const IptablesVariant variant : {IptablesVariant::nft, IptablesVariant::legacy}) {
    TableView view(nft, family, variant);
    for (const NatRule& entry : view.list_rules(kHostPortEntries))
      if (entry.target.starts_with(kHostPortChainPrefix) && !is_conditional(entry) &&
          lists(entry, wanted))
        put_holds(holds, view, entry);
  }
  return holds;
}

void take_over(const Claim& claim, const HostPortHold& hold) {
  if (!claim.is_dead || !claim.is_dead(hold))
    base::throw_errno("open host port " + describe(hold.port) + " (held by " + hold.holder + ")",
                      EADDRINUSE);
  base::log("host port " + describe(hold.port) + " was held by " + hold.holder +
            ", but this host no longer has its address " + hold.container.text() +
            ": its rules are removed");
  evict(claim.nft, hold);
}

void take_over_rules(const Claim& claim, const HostPorts& ports,
                     const std::vector<RuleInfo>& rules) {
  take_over_all(claim, ports, holds_in(rules));
  take_over_all(claim, ports,
                list_iptables_holds(claim.nft, ports.container.address.family(), ports.ports));
}

void take_over_elements(const Claim& claim, const HostPorts& ports) {
  const nft::Table table = table_of(ports.container.address.family());
  for (const Placed& wanted : elements_of(ports, {})) {
    const auto present = claim.nft.find_element(table, wanted.set, wanted.element.key);
    const auto hold = present ? hold_of({wanted.set, *present}) : std::nullopt;
    if (hold && !belongs_to(*hold, claim.owner)) take_over(claim, *hold);
  }
}

}  // namespace hostport
}  // namespace firewall
