// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/masquerade_nft.h"

#include <sys/socket.h>

#include <algorithm>
#include <vector>

namespace firewall::masquerade_nft {
namespace {

using nft::Batch;
using nft::Element;
using nft::Field;
using nft::Nft;
using nft::Rule;
using nft::RuleInfo;
using nft::Set;

constexpr const char* kChecks = "masq_checks";
constexpr const char* kPostrouting = "postrouting";
constexpr const char* kTableComment =
    "Masquerading for plugins from github.com/containernetworking/plugins";
constexpr const char* kChecksComment =
    "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet";

const nft::Table& table() {
  static const nft::Table kTable{nft::Family::inet, "cni_plugins_masquerade"};
  return kTable;
}

std::string set_name(const base::Prefix& address) {
  return (address.address.is_v4() ? "sources_ipv4_" : "sources_ipv6_") +
         std::to_string(address.length);
}

nft::Bytes key_of(const base::Prefix& address) {
  nft::Bytes key;
  nft::append(key, address.address);
  nft::append(key, address.network().address);
  return key;
}

Rule masquerade_rule(const base::Prefix& address) {
  using enum Field::Name;
  const int family = address.address.family();
  const std::string set = set_name(address);
  Rule rule(set);
  rule.address_family(family)
      .in_set(set, family, {{source}, {source, address.length}})
      .in_set(set, family, {{source}, {destination, address.length}}, Rule::Match::unequal)
      .masquerade();
  return rule;
}

Rule return_for(const char* multicast) {
  const base::Prefix prefix = *base::Prefix::parse(multicast);
  Rule rule;
  rule.address_family(prefix.address.family()).destination(prefix).return_to_caller();
  return rule;
}

/// One address of each set that `addresses` need.
std::vector<base::Prefix> one_per_set(std::span<const base::Prefix> addresses) {
  std::vector<base::Prefix> kinds;
  for (const base::Prefix& address : addresses) {
    const bool known = std::ranges::any_of(
        kinds, [&](const base::Prefix& kind) { return set_name(kind) == set_name(address); });
    if (!known) kinds.push_back(address);
  }
  return kinds;
}

bool has_rule(const std::vector<RuleInfo>& rules, const base::Prefix& address) {
  return std::ranges::any_of(rules, [&](const RuleInfo& rule) {
    return rule.chain == kChecks && rule.comment == set_name(address);
  });
}

/// The three rules of the reference: two returns for multicast, then the goto.
bool is_hooked(const std::vector<RuleInfo>& rules) {
  const auto in_hook = [](const RuleInfo& rule) { return rule.chain == kPostrouting; };
  return std::ranges::count_if(rules, in_hook) == 3 &&
         std::ranges::any_of(
             rules, [&](const RuleInfo& rule) { return in_hook(rule) && rule.target == kChecks; });
}

/// A rule for one address, as the reference makes it.
Rule own_rule(const Owner& owner, const base::Prefix& address) {
  Rule rule(owner_comment(owner));
  rule.address_family(address.address.family())
      .source(base::host_prefix(address.address))
      .destination(address.network(), Rule::Match::unequal)
      .masquerade();
  return rule;
}

/// Returns whether `rule` is such a rule for `address`, of any owner.
bool masquerades(const RuleInfo& rule, const base::Prefix& address) {
  return rule.chain == kChecks && rule.target == "MASQUERADE" && !rule.has_more &&
         rule.source == base::host_prefix(address.address) && rule.excludes_destination &&
         rule.destination == address.network();
}

bool has_own_rule(const std::vector<RuleInfo>& rules, const Owner& owner,
                  const base::Prefix& address) {
  return std::ranges::any_of(rules, [&](const RuleInfo& rule) {
    return is_owned_by(rule.comment, owner) && masquerades(rule, address);
  });
}

/// Puts the objects into `batch` that `addresses` need and that are missing, also after a flush;
/// `rules` are the present rules. Returns whether anything was missing.
bool repair(Batch& batch, const std::vector<RuleInfo>& rules,
            std::span<const base::Prefix> addresses) {
  std::vector<base::Prefix> missing;
  std::ranges::copy_if(one_per_set(addresses), std::back_inserter(missing),
                       [&](const base::Prefix& kind) { return !has_rule(rules, kind); });
  const bool hooked = is_hooked(rules);
  if (hooked && missing.empty()) return false;
  batch.ensure_table(kTableComment);
  batch.ensure_chain(kChecks, kChecksComment);
  batch.ensure_base_chain(kPostrouting, nft::postrouting_nat());
  if (!hooked) {
    batch.flush_chain(kPostrouting);
    batch.append_rule(kPostrouting, return_for("224.0.0.0/4"));
    batch.append_rule(kPostrouting, return_for("ff00::/8"));
    batch.append_rule(kPostrouting, Rule().go_to(kChecks));
  }
  for (const base::Prefix& kind : missing) {
    const nft::Type type = nft::address_type(kind.address.family());
    batch.ensure_set(Set{.name = set_name(kind), .key = {type, type}});
    batch.append_rule(kChecks, masquerade_rule(kind));
  }
  return true;
}

/// The elements that match, each with its set.
std::vector<std::pair<std::string, Element>> find_elements(
    Nft& nft, const std::function<bool(std::string_view)>& wanted) {
  std::vector<std::pair<std::string, Element>> found;
  for (const std::string& set : nft.list_sets(table()))
    for (Element& element : nft.list_elements(table(), set, wanted))
      found.emplace_back(set, std::move(element));
  return found;
}

void remove_rules(Nft& nft, Batch& batch, const std::function<bool(std::string_view)>& wanted) {
  for (const RuleInfo& rule : nft.list_rules(table(), kChecks))
    if (wanted(rule.comment)) batch.remove_rule(kChecks, rule.handle);
}

/// Puts the removal of `owner`'s elements for `addresses` into `batch`; returns false when one of
/// them is missing.
bool remove_known(Nft& nft, Batch& batch, const Owner& owner,
                  std::span<const base::Prefix> addresses) {
  for (const base::Prefix& address : addresses) {
    const auto element = nft.find_element(table(), set_name(address), key_of(address));
    if (!element || !is_owned_by(element->comment, owner)) return false;
    batch.remove_element(set_name(address), element->key);
  }
  return !addresses.empty();
}

}  // namespace

bool put(const Addition& to, const Owner& owner, std::span<const base::Prefix> addresses) {
  if (addresses.empty()) return false;
  Nft& nft = to.nft;
  Batch& batch = to.batch;
  batch.select(table());
  const std::vector<RuleInfo> rules = nft.list_rules(table());
  const bool repaired = repair(batch, rules, addresses);
  for (const base::Prefix& address : addresses) {
    const Element wanted{.key = key_of(address), .comment = owner_comment(owner)};
    const auto present =
        to.contested ? nft.find_element(table(), set_name(address), wanted.key) : std::nullopt;
    if (!present)
      batch.add_element(set_name(address), wanted);
    else if (!is_owned_by(present->comment, owner) && !has_own_rule(rules, owner, address))
      batch.append_rule(kChecks, own_rule(owner, address));
  }
  return repaired;
}

bool remove(Nft& nft, const Owner& owner, std::span<const base::Prefix> addresses) {
  // Most nodes have no such table; one request shows that.
  if (!nft.has_chain(table(), kChecks)) return false;
  bool existed = false;
  nft::retry_on_conflict([&] {
    Batch batch(table());
    if (!remove_known(nft, batch, owner, addresses)) {
      batch = Batch(table());
      for (const auto& [set, element] : find_elements(
               nft, [&](std::string_view comment) { return is_owned_by(comment, owner); }))
        batch.remove_element(set, element.key);
    }
    remove_rules(nft, batch, [&](std::string_view comment) { return is_owned_by(comment, owner); });
    existed = existed || !batch.empty();
    nft.commit(batch);
  });
  return existed;
}

bool has(Nft& nft, const base::Prefix& address) {
  const std::vector<RuleInfo> rules = nft.list_rules(table());
  const bool reached = std::ranges::any_of(rules, [](const RuleInfo& rule) {
    return rule.chain == kPostrouting && rule.target == kChecks;
  });
  if (!reached) return false;
  if (std::ranges::any_of(rules, [&](const RuleInfo& rule) { return masquerades(rule, address); }))
    return true;
  return has_rule(rules, address) &&
         nft.find_element(table(), set_name(address), key_of(address)).has_value();
}

std::set<std::string, std::less<>> list_comments(
    Nft& nft, const std::function<bool(std::string_view)>& is_stale) {
  std::set<std::string, std::less<>> comments;
  for (const auto& [set, element] : find_elements(nft, is_stale)) comments.insert(element.comment);
  for (const nft::ChainInfo& rule : nft.list_comments(table()))
    if (is_stale(rule.comment)) comments.insert(rule.comment);
  return comments;
}

void collect(Nft& nft, const std::set<std::string, std::less<>>& comments) {
  if (comments.empty()) return;
  const auto is_stale = [&](std::string_view comment) { return comments.contains(comment); };
  nft::retry_on_conflict([&] {
    Batch batch(table());
    for (const auto& [set, element] : find_elements(nft, is_stale))
      batch.remove_element(set, element.key);
    remove_rules(nft, batch, is_stale);
    nft.commit(batch);
  });
}

}  // namespace firewall::masquerade_nft
