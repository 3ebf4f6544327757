// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/pod_sets.h"

#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

namespace firewall {
namespace {

using nft::Batch;
using nft::Element;
using nft::Field;
using nft::Nft;
using nft::Rule;
using nft::RuleInfo;

constexpr const char* kForward = "forward";
constexpr int kFamilies[] = {AF_INET, AF_INET6};

const nft::Table& table() {
  static const nft::Table kTable{nft::Family::inet, "cni_plugins_firewall"};
  return kTable;
}

std::string set_name(int family) {
  return family == AF_INET ? "pods_ipv4" : "pods_ipv6";
}
std::string replies_comment(int family) {
  return "replies to " + set_name(family);
}
std::string sources_comment(int family) {
  return "from " + set_name(family);
}

nft::Bytes key_of(const base::IpAddress& address) {
  nft::Bytes key;
  return nft::append(key, address);
}

/// The rules that all pods of a family share.
void append_shared(Batch& batch, int family) {
  using enum Field::Name;
  Rule replies(replies_comment(family));
  replies.address_family(family)
      .in_set(set_name(family), family, {{destination}})
      .connection_is_known()
      .accept();
  Rule sources(sources_comment(family));
  sources.address_family(family).in_set(set_name(family), family, {{source}}).accept();
  batch.append_rule(kForward, replies);
  batch.append_rule(kForward, sources);
}

bool is_shared_present(const std::vector<RuleInfo>& rules, int family) {
  const auto has = [&](const std::string& comment) {
    return std::ranges::any_of(rules, [&](const RuleInfo& rule) {
      return rule.comment == comment && rule.verdict == RuleInfo::Verdict::accept;
    });
  };
  return has(replies_comment(family)) && has(sources_comment(family));
}

/// Puts the table, the set and the rules of `family` where one of its rules is missing, also after
/// a flush. Returns whether one was.
bool repair(Batch& batch, const std::vector<RuleInfo>& rules, int family) {
  if (is_shared_present(rules, family)) return false;
  batch.ensure_table("CNI firewall plugin");
  batch.ensure_base_chain(kForward, nft::forward_filter());
  batch.ensure_set({.name = set_name(family), .key = {nft::address_type(family)}});
  for (const RuleInfo& rule : rules)
    if (rule.comment == replies_comment(family) || rule.comment == sources_comment(family))
      batch.remove_rule(kForward, rule.handle);
  append_shared(batch, family);
  return true;
}

/// The rules of an address whose element another attachment has.
void append_own(Batch& batch, const Owner& owner, const base::IpAddress& address) {
  const base::Prefix prefix = base::host_prefix(address);
  Rule replies(owner_comment(owner));
  replies.address_family(address.family()).destination(prefix).connection_is_known().accept();
  Rule sources(owner_comment(owner));
  sources.address_family(address.family()).source(prefix).accept();
  batch.append_rule(kForward, replies);
  batch.append_rule(kForward, sources);
}

bool is_own_of(const RuleInfo& rule, const base::IpAddress& address) {
  return rule.source == base::host_prefix(address) && rule.verdict == RuleInfo::Verdict::accept;
}

bool has_own(const std::vector<RuleInfo>& rules, const Owner& owner,
             const base::IpAddress& address) {
  return std::ranges::any_of(rules, [&](const RuleInfo& rule) {
    return is_owned_by(rule.comment, owner) && is_own_of(rule, address);
  });
}

/// The mark of an element whose owner has `count` addresses; 0 for more than fit into a byte.
std::uint8_t companions_of(std::size_t count) {
  return count <= UINT8_MAX ? static_cast<std::uint8_t>(count) : std::uint8_t{0};
}

/// One try of an ADD, and the rules that are present.
struct Try {
  Nft& nft;
  Batch& batch;
  const std::vector<RuleInfo>& rules;
  bool contested;     ///< an earlier try failed: elements must be looked for
  std::size_t count;  ///< the addresses of the ADD
};

void put(const Try& to, const Owner& owner, const base::IpAddress& address) {
  const std::string set = set_name(address.family());
  const Element wanted{.key = key_of(address),
                       .comment = owner_comment(owner),
                       .companions = companions_of(to.count)};
  const auto present = to.contested ? to.nft.find_element(table(), set, wanted.key) : std::nullopt;
  if (!present)
    to.batch.add_element(set, wanted);
  else if (!is_owned_by(present->comment, owner) && !has_own(to.rules, owner, address))
    append_own(to.batch, owner, address);
}

using IsWanted = std::function<bool(std::string_view comment)>;

void remove_elements(Nft& nft, Batch& batch, const IsWanted& wanted) {
  for (const int family : kFamilies)
    for (const Element& element : nft.list_elements(table(), set_name(family), wanted))
      batch.remove_element(set_name(family), element.key);
}

void remove_rules(Nft& nft, Batch& batch, const IsWanted& wanted) {
  for (const RuleInfo& rule : nft.list_rules(table(), kForward))
    if (wanted(rule.comment)) batch.remove_rule(kForward, rule.handle);
}

/// Puts the removal of the elements of `known` into `batch`; returns false unless these are all
/// elements that `owner` has.
bool remove_known(Nft& nft, Batch& batch, const Owner& owner,
                  std::span<const base::IpAddress> known) {
  for (const base::IpAddress& address : known) {
    const std::string set = set_name(address.family());
    const auto element = nft.find_element(table(), set, key_of(address));
    if (!element || !is_owned_by(element->comment, owner) || element->companions != known.size())
      return false;
    batch.remove_element(set, element->key);
  }
  return !known.empty();
}

}  // namespace

void add_pod_addresses(Nft& nft, const Owner& owner, std::span<const base::IpAddress> addresses,
                       const std::optional<Isolation>& isolation) {
  bool contested = false;
  nft::retry_on_conflict([&] {
    const std::uint32_t generation = nft.generation();
    const std::vector<RuleInfo> rules = nft.list_rules(table());
    Batch batch(table());
    bool depends = false;
    for (const int family : kFamilies)
      if (std::ranges::any_of(addresses, [&](const auto& a) { return a.family() == family; }))
        depends = repair(batch, rules, family) || depends;
    if (isolation) depends = isolation_nft::put(batch, rules, *isolation) || depends;
    for (const base::IpAddress& address : addresses)
      put({nft, batch, rules, contested, addresses.size()}, owner, address);
    contested = true;
    nft.commit(batch, depends ? std::optional(generation) : std::nullopt);
  });
}

bool remove_pod_addresses(Nft& nft, const Owner& owner, std::span<const base::IpAddress> known) {
  // Most nodes have no such table; one request shows that.
  if (!nft.has_chain(table(), kForward)) return false;
  bool existed = false;
  const IsWanted is_ours = [&](std::string_view comment) { return is_owned_by(comment, owner); };
  nft::retry_on_conflict([&] {
    Batch batch(table());
    if (!remove_known(nft, batch, owner, known)) {
      batch = Batch(table());
      remove_elements(nft, batch, is_ours);
    }
    remove_rules(nft, batch, is_ours);
    existed = existed || !batch.empty();
    nft.commit(batch);
  });
  return existed;
}

std::vector<base::IpAddress> list_pod_addresses(Nft& nft, const IsWanted& wanted) {
  std::vector<base::IpAddress> addresses;
  for (const int family : kFamilies)
    for (const Element& element : nft.list_elements(table(), set_name(family), wanted))
      if (const auto address = base::IpAddress::from_bytes(element.key))
        addresses.push_back(*address);
  for (const RuleInfo& rule : nft.list_rules(table(), kForward))
    if (rule.source && wanted(rule.comment)) addresses.push_back(rule.source->address);
  return addresses;
}

void check_pod_addresses(Nft& nft, std::span<const base::IpAddress> addresses,
                         const std::optional<Isolation>& isolation) {
  const std::vector<RuleInfo> rules = nft.list_rules(table());
  if (isolation) isolation_nft::check(rules, *isolation);
  for (const base::IpAddress& address : addresses) {
    const std::string set = set_name(address.family());
    if (std::ranges::any_of(rules, [&](const RuleInfo& rule) { return is_own_of(rule, address); }))
      continue;
    if (!nft.find_element(table(), set, key_of(address)))
      throw std::runtime_error("address " + address.text() + " is missing from nf_tables set \"" +
                               set + "\" of table \"" + table().name + "\"");
    if (!is_shared_present(rules, address.family()))
      throw std::runtime_error("the rules for set \"" + set + "\" are missing from chain \"" +
                               kForward + "\" of nf_tables table \"" + table().name + "\"");
  }
}

std::function<void()> find_stale_pod_addresses(Nft& nft, const std::string& network,
                                               std::span<const Owner> valid) {
  const StaleComments is_stale(network, valid);
  std::set<std::string, std::less<>> comments;
  for (const int family : kFamilies)
    for (const Element& element : nft.list_elements(table(), set_name(family), is_stale))
      comments.insert(element.comment);
  for (const nft::ChainInfo& rule : nft.list_comments(table()))
    if (is_stale(rule.comment)) comments.insert(rule.comment);
  return [&nft, comments] {
    if (comments.empty()) return;
    const IsWanted is_listed = [&](std::string_view comment) { return comments.contains(comment); };
    nft::retry_on_conflict([&] {
      Batch batch(table());
      remove_elements(nft, batch, is_listed);
      remove_rules(nft, batch, is_listed);
      nft.commit(batch);
    });
  };
}

}  // namespace firewall
