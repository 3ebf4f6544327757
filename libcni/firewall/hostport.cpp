// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/hostport.h"

#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "libcni/firewall/hostport_holder.h"
#include "libcni/firewall/hostport_table.h"

namespace firewall {
namespace {

using hostport::Placed;
using hostport::table_of;
using nft::Batch;
using nft::Bytes;
using nft::Nft;
using nft::RuleInfo;

constexpr int kFamilies[] = {AF_INET, AF_INET6};

struct Protocol {
  const char* name;
  std::uint8_t number;
};
constexpr Protocol kProtocols[] = {{"tcp", IPPROTO_TCP},
                                   {"udp", IPPROTO_UDP},
                                   {"sctp", IPPROTO_SCTP},
                                   {"dccp", IPPROTO_DCCP},
                                   {"udplite", IPPROTO_UDPLITE}};

/// One ADD under construction: the batch of a family and the rules that its table has.
struct Opening {
  const hostport::Claim& claim;
  Batch& batch;
  const std::vector<RuleInfo>& rules;
  std::string comment;
};

/// Puts one element into the batch, after reading the present owner of its key.
void place(const Opening& opening, const Placed& wanted) {
  const hostport::Claim& claim = opening.claim;
  const auto present =
      claim.nft.find_element(opening.batch.table(), wanted.set, wanted.element.key);
  if (!present) return opening.batch.add_element(wanted.set, wanted.element);
  if (is_owned_by(present->comment, claim.owner)) {
    if (present->data == wanted.element.data) return;
    opening.batch.remove_element(wanted.set, wanted.element.key);
    return opening.batch.add_element(wanted.set, wanted.element);
  }
  if (const auto hold = hostport::hold_of({wanted.set, *present})) {
    hostport::take_over(claim, *hold);
    return opening.batch.add_element(wanted.set, wanted.element);
  }
  // Another attachment has the same address, perhaps on another bridge: each gets its own entry.
  const bool own = std::ranges::any_of(opening.rules, [&](const RuleInfo& rule) {
    return is_owned_by(rule.comment, claim.owner) && hostport::is_hairpin_rule_of(rule, wanted);
  });
  if (!own)
    opening.batch.append_rule(hostport::kChainMasquerading,
                              hostport::hairpin_rule_of(wanted, opening.comment));
}

/// Rules have no keys: the rules of an earlier ADD are removed in the same transaction.
void replace_rules(const Opening& opening, const HostPorts& ports) {
  for (const RuleInfo& rule : opening.rules)
    if (is_owned_by(rule.comment, opening.claim.owner))
      opening.batch.remove_rule(rule.chain, rule.handle);
  for (const auto& [chain, rule] : hostport::rules_of(ports, opening.comment))
    opening.batch.append_rule(chain, rule);
}

using Unwanted = std::function<bool(std::string_view comment)>;

/// A removal under construction.
struct Removal {
  Nft& nft;
  Batch batch{table_of(AF_INET)};
  RemovedHostPorts& removed;

  void put(const Placed& placed) {
    batch.remove_element(placed.set, placed.element.key);
    if (const auto port = hostport::udp_port_of(placed)) removed.udp.push_back(port);
  }
};

/// Reads all elements, also those of all other attachments.
void put_elements(Removal& removal, const Unwanted& unwanted) {
  for (const int family : kFamilies) {
    const nft::Table table = table_of(family);
    removal.batch.select(table);
    for (const std::string& set : removal.nft.list_sets(table))
      for (const nft::Element& element : removal.nft.list_elements(table, set, unwanted))
        removal.put({set, element});
  }
}

/// The elements that an ADD of `families` made, by their keys. Returns false, and puts nothing into
/// the batch, unless each element states that these are all elements of the owner.
bool put_known_elements(Removal& removal, const Owner& owner, std::span<const HostPorts> families) {
  std::vector<std::pair<nft::Table, Placed>> known;
  for (const HostPorts& ports : families)
    for (Placed& placed : hostport::elements_of(ports, {})) {
      const nft::Table table = table_of(ports.container.address.family());
      const auto present = removal.nft.find_element(table, placed.set, placed.element.key);
      if (!present || !is_owned_by(present->comment, owner)) return false;
      placed.element = *present;
      known.emplace_back(table, std::move(placed));
    }
  if (std::ranges::any_of(
          known, [&](const auto& each) { return each.second.element.companions != known.size(); }))
    return false;
  for (const auto& [table, placed] : known) {
    removal.batch.select(table);
    removal.put(placed);
  }
  return !known.empty();
}

/// How many elements an ADD of `families` puts into sets; 0 for more than fit into a byte.
std::uint8_t count_elements(std::span<const HostPorts> families) {
  std::size_t count = 0;
  for (const HostPorts& ports : families) count += hostport::elements_of(ports, {}).size();
  return count <= UINT8_MAX ? static_cast<std::uint8_t>(count) : std::uint8_t{0};
}

void put_rules(Removal& removal, const Unwanted& unwanted) {
  for (const int family : kFamilies) {
    const nft::Table table = table_of(family);
    removal.batch.select(table);
    for (const RuleInfo& rule : removal.nft.list_rules(table))
      if (unwanted(rule.comment)) removal.batch.remove_rule(rule.chain, rule.handle);
  }
}

/// Removes all whose comment is `unwanted`, until no other process interferes.
RemovedHostPorts remove_all(Nft& nft, const Unwanted& unwanted,
                            const std::function<bool(Removal&)>& put_known = {}) {
  RemovedHostPorts removed;
  nft::retry_on_conflict([&] {
    Removal removal{.nft = nft, .removed = removed};
    if (!put_known || !put_known(removal)) put_elements(removal, unwanted);
    put_rules(removal, unwanted);
    removed.existed = removed.existed || !removal.batch.empty();
    nft.commit(removal.batch);
  });
  std::ranges::sort(removed.udp);
  removed.udp.erase(std::unique(removed.udp.begin(), removed.udp.end()), removed.udp.end());
  return removed;
}

}  // namespace

void add_host_ports(Nft& nft, const Owner& owner, std::span<const HostPorts> families,
                    const IsDead& is_dead) {
  const hostport::Claim claim{nft, owner, is_dead};
  const std::uint8_t companions = count_elements(families);
  bool contested = false;
  nft::retry_on_conflict([&] {
    std::optional<std::uint32_t> generation = nft.generation();
    Batch batch(table_of(AF_INET));
    bool needs_generation = false;
    for (const HostPorts& ports : families) {
      const nft::Table table = table_of(ports.container.address.family());
      batch.select(table);
      const std::vector<RuleInfo> rules = nft.list_rules(table);
      const Opening opening{claim, batch, rules, owner_comment(owner)};
      if (ports.conditions.empty()) hostport::take_over_rules(claim, ports, rules);
      needs_generation |= hostport::repair(batch, ports, rules);
      for (Placed& wanted : hostport::elements_of(ports, opening.comment)) {
        wanted.element.companions = companions;
        if (contested)
          place(opening, wanted);
        else
          batch.add_element(wanted.set, wanted.element);
      }
      if (ports.conditions.empty()) continue;
      needs_generation = true;
      replace_rules(opening, ports);
    }
    contested = true;  // whatever fails now, the next round reads again first
    nft.commit(batch, needs_generation ? generation : std::nullopt);
  });
}

RemovedHostPorts remove_host_ports(Nft& nft, const Owner& owner,
                                   std::span<const HostPorts> families) {
  const Unwanted unwanted = [&](std::string_view comment) {
    return comment == owner.container_id || is_owned_by(comment, owner);
  };
  return remove_all(nft, unwanted,
                    [&](Removal& removal) { return put_known_elements(removal, owner, families); });
}

std::function<RemovedHostPorts()> find_stale_host_ports(Nft& nft, const std::string& network,
                                                        std::span<const Owner> valid) {
  const StaleComments is_stale(network, valid);
  std::set<std::string, std::less<>> stale;
  for (const int family : kFamilies) {
    const nft::Table table = table_of(family);
    for (const std::string& set : nft.list_sets(table))
      for (const nft::Element& element : nft.list_elements(table, set, is_stale))
        stale.insert(element.comment);
    for (const nft::ChainInfo& rule : nft.list_comments(table))
      if (is_stale(rule.comment)) stale.insert(rule.comment);
  }
  return [&nft, stale] {
    if (stale.empty()) return RemovedHostPorts{};
    return remove_all(nft, [&](std::string_view comment) { return stale.contains(comment); });
  };
}

std::vector<HostPortHold> list_host_ports(Nft& nft) {
  std::vector<HostPortHold> holds;
  for (const int family : kFamilies) {
    const nft::Table table = table_of(family);
    for (const char* map : {hostport::kPorts, hostport::kHostIpPorts})
      for (const nft::Element& element :
           nft.list_elements(table, map, [](std::string_view) { return true; }))
        if (auto hold = hostport::hold_of({map, element})) holds.push_back(std::move(*hold));
    std::ranges::copy(hostport::holds_in(nft.list_rules(table)), std::back_inserter(holds));
    std::ranges::copy(hostport::list_iptables_holds(nft, family, {}), std::back_inserter(holds));
  }
  return holds;
}

std::optional<std::uint8_t> find_port_protocol(std::string_view name) {
  const std::string text(name);
  for (const Protocol& protocol : kProtocols)
    if (::strcasecmp(protocol.name, text.c_str()) == 0) return protocol.number;
  return std::nullopt;
}

std::string port_protocol_name(std::uint8_t number) {
  for (const Protocol& protocol : kProtocols)
    if (protocol.number == number) return protocol.name;
  return std::to_string(number);
}

}  // namespace firewall
