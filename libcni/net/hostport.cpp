// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/hostport.h"

#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

#include "libcni/base/sys_error.h"
#include "libcni/net/hostport_table.h"

namespace net {
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

/// Who holds what, read from a comment: `net: n, if: i, id: c`.
std::string describe_owner(const std::string& comment) {
  const auto comma = comment.find(", ");
  return comma == std::string::npos ? "\"" + comment + "\"" : comment.substr(comma + 2);
}

bool is_port_map(const std::string& set) {
  return set == hostport::kPorts || set == hostport::kHostIpPorts;
}

std::string describe_key(const Bytes& key) {
  const std::size_t ports = key.size() - 8;
  const auto address = base::IpAddress::from_bytes(std::span(key).first(ports));
  const int number = key[ports + 4] << 8 | key[ports + 5];
  return (address ? address->text() + " " : "") + port_protocol_name(key[ports]) + " " +
         std::to_string(number);
}

/// The container address that a port leads to is first in the map's value.
bool leads_to_same_container(const Bytes& one, const Bytes& other) {
  return one.size() == other.size() && one.size() > 4 &&
         std::equal(one.begin(), one.end() - 4, other.begin());
}

/// Puts one element into `batch`; when `contested`, after a look at who has the key.
void place(Nft& nft, Batch& batch, const Owner& owner, const Placed& wanted) {
  const auto present = nft.find_element(batch.table(), wanted.set, wanted.element.key);
  if (present == wanted.element) return;
  if (present) {
    const bool ours = is_owned_by(present->comment, owner);
    const bool dead =
        !is_port_map(wanted.set) || leads_to_same_container(present->data, wanted.element.data);
    if (!ours && !dead)
      base::throw_errno("open host port " + describe_key(wanted.element.key) + " (held by " +
                            describe_owner(present->comment) + ")",
                        EADDRINUSE);
    batch.remove_element(wanted.set, wanted.element.key);
  }
  batch.add_element(wanted.set, wanted.element);
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

/// Walks over all elements, those of every other attachment too.
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
/// the batch, unless all of them are there.
bool put_known_elements(Removal& removal, const Owner& owner, std::span<const HostPorts> families) {
  std::vector<std::pair<nft::Table, Placed>> known;
  for (const HostPorts& ports : families)
    for (const Placed& wanted : hostport::elements_of(ports, owner_comment(owner))) {
      const nft::Table table = table_of(ports.container.address.family());
      if (removal.nft.find_element(table, wanted.set, wanted.element.key) != wanted.element)
        return false;
      known.emplace_back(table, wanted);
    }
  for (const auto& [table, placed] : known) {
    removal.batch.select(table);
    removal.put(placed);
  }
  return !known.empty();
}

void put_rules(Removal& removal, const Unwanted& unwanted) {
  for (const int family : kFamilies) {
    const nft::Table table = table_of(family);
    removal.batch.select(table);
    for (const RuleInfo& rule : removal.nft.list_rules(table))
      if (unwanted(rule.comment)) removal.batch.remove_rule(rule.chain, rule.handle);
  }
}

/// Commits what `put` and the rules come to, until nobody else interferes.
RemovedHostPorts remove_all(Nft& nft, const Unwanted& unwanted,
                            const std::function<void(Removal&)>& put) {
  RemovedHostPorts removed;
  nft::retry_on_conflict([&] {
    Removal removal{.nft = nft, .removed = removed};
    put(removal);
    put_rules(removal, unwanted);
    removed.existed = removed.existed || !removal.batch.empty();
    nft.commit(removal.batch);
  });
  std::ranges::sort(removed.udp);
  removed.udp.erase(std::unique(removed.udp.begin(), removed.udp.end()), removed.udp.end());
  return removed;
}

}  // namespace

void add_host_ports(Nft& nft, const Owner& owner, std::span<const HostPorts> families) {
  const std::string comment = owner_comment(owner);
  bool contested = false;
  nft::retry_on_conflict([&] {
    std::optional<std::uint32_t> generation = nft.generation();
    Batch batch(table_of(AF_INET));
    bool needs_generation = false;
    for (const HostPorts& ports : families) {
      const nft::Table table = table_of(ports.container.address.family());
      batch.select(table);
      const std::vector<RuleInfo> rules = nft.list_rules(table);
      needs_generation |= hostport::repair(batch, ports, rules);
      for (const Placed& wanted : hostport::elements_of(ports, comment)) {
        if (contested)
          place(nft, batch, owner, wanted);
        else
          batch.add_element(wanted.set, wanted.element);
      }
      if (ports.conditions.empty()) continue;
      // Rules have no keys: those of an earlier ADD go in the same transaction.
      needs_generation = true;
      for (const RuleInfo& rule : rules)
        if (is_owned_by(rule.comment, owner)) batch.remove_rule(rule.chain, rule.handle);
      for (const auto& [chain, rule] : hostport::rules_of(ports, comment))
        batch.append_rule(chain, rule);
    }
    contested = true;  // whatever fails now, the next round looks first
    nft.commit(batch, needs_generation ? generation : std::nullopt);
  });
}

RemovedHostPorts remove_host_ports(Nft& nft, const Owner& owner,
                                   std::span<const HostPorts> families) {
  const Unwanted unwanted = [&](std::string_view comment) {
    return comment == owner.container_id || is_owned_by(comment, owner);
  };
  return remove_all(nft, unwanted, [&](Removal& removal) {
    if (!put_known_elements(removal, owner, families)) put_elements(removal, unwanted);
  });
}

RemovedHostPorts gc_host_ports(Nft& nft, const std::string& network, std::span<const Owner> valid) {
  std::set<std::string, std::less<>> keep;
  for (const Owner& owner : valid) keep.insert(owner_hash(owner));
  const std::string ours = network_hash(network) + "-";
  const Unwanted unwanted = [&](std::string_view comment) {
    return comment.starts_with(ours) && !keep.contains(comment.substr(0, comment.find(',')));
  };
  return remove_all(nft, unwanted, [&](Removal& removal) { put_elements(removal, unwanted); });
}

void check_host_ports(Nft& nft, const Owner& owner, std::span<const HostPorts> families) {
  for (const HostPorts& ports : families) {
    const nft::Table table = table_of(ports.container.address.family());
    const std::vector<RuleInfo> rules = nft.list_rules(table);
    Batch repairs(table);
    if (hostport::repair(repairs, ports, rules))
      base::throw_errno("find the shared host port rules of nf_tables table \"" + table.name + "\"",
                        ENOENT);
    for (const Placed& wanted : hostport::elements_of(ports, owner_comment(owner)))
      if (nft.find_element(table, wanted.set, wanted.element.key) != wanted.element)
        base::throw_errno("find host port " + describe_key(wanted.element.key) +
                              " in nf_tables set \"" + wanted.set + "\"",
                          ENOENT);
    const auto own = std::ranges::count_if(
        rules, [&](const RuleInfo& rule) { return is_owned_by(rule.comment, owner); });
    if (static_cast<std::size_t>(own) < hostport::rules_of(ports, {}).size())
      base::throw_errno("find the conditional host port rules of " + ports.container.address.text(),
                        ENOENT);
  }
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

}  // namespace net
