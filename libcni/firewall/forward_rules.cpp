// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/forward_rules.h"

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>

#include "libcni/base/sys_error.h"
#include "libcni/firewall/filter_rule.h"

namespace firewall {
namespace {

using nft::Nft;
using nft::RuleInfo;

constexpr const char* kForward = "FORWARD";
constexpr int kLegacyTries = 3;
constexpr int kFamilies[] = {AF_INET, AF_INET6};

FilterRule entry_rule() {
  return {.chain = kForward, .target = kPodsChain, .comment = "CNI firewall plugin rules"};
}

FilterRule admin_rule(const std::string& chain) {
  return {.chain = kPodsChain, .target = chain, .comment = "CNI firewall plugin admin overrides"};
}

/// The rules of one address, in the reference's order.
std::vector<FilterRule> pod_rules(const base::IpAddress& address) {
  return {{.chain = kPodsChain,
           .target = "ACCEPT",
           .destination = address,
           .on_known_connections = true},
          {.chain = kPodsChain, .target = "ACCEPT", .source = address}};
}

std::vector<FilterRule> pod_rules(std::span<const base::IpAddress> addresses, int family) {
  std::vector<FilterRule> rules;
  for (const base::IpAddress& address : addresses)
    if (address.family() == family)
      std::ranges::move(pod_rules(address), std::back_inserter(rules));
  return rules;
}

bool has(const std::vector<RuleInfo>& present, const FilterRule& rule) {
  return std::ranges::any_of(present, [&](const RuleInfo& each) { return is_same(each, rule); });
}

/// Returns whether packets get to `jump` in a chain with the rules `present`.
bool reaches(const std::vector<RuleInfo>& present, const FilterRule& jump) {
  for (const RuleInfo& rule : present) {
    if (is_same(rule, jump)) return true;
    if (drops_all(rule)) return false;
  }
  return false;
}

/// The rules as far as an ADD reads them.
struct Present {
  std::vector<RuleInfo> forward = {};  ///< rules of FORWARD
  std::vector<RuleInfo> pods = {};     ///< rules of CNI-FORWARD
  bool whole = true;                   ///< CNI-FORWARD was read
};

/// Reading a long chain would take longer than the rest of an ADD.
Present read_present(TableView& view, bool with_pods) {
  constexpr std::size_t kFew = 128;
  Present present{.forward = view.list_rules(kForward)};
  if (!with_pods) return present;
  const bool is_nft = view.variant() == IptablesVariant::nft;  // a legacy table is read at once
  present.whole = !is_nft || view.count_rules(kPodsChain) <= kFew;
  if (present.whole) present.pods = view.list_rules(kPodsChain);
  return present;
}

/// Returns whether any rule jumps to `chain`, by its count of rules and jumps.
bool is_jumped_to(TableView& view, const std::string& chain) {
  const std::size_t uses = view.count_rules(chain);
  return uses > 0 && uses > view.list_rules(chain).size();
}

/// Puts the part that all pods share where it is missing. Returns whether the jump to CNI-FORWARD
/// moved to the head of FORWARD.
bool put_shared(FilterEdits& edits, TableView& view, const std::string& admin_chain,
                const Present& present) {
  const FilterRule entry = entry_rule();
  const FilterRule admin = admin_rule(admin_chain);
  const bool admitted = present.whole ? has(present.pods, admin) : is_jumped_to(view, admin_chain);
  const bool entered = reaches(present.forward, entry);
  if (!entered && !view.has_chain(kPodsChain)) edits.add_chain(kPodsChain);
  if (!admitted && !view.has_chain(admin_chain)) edits.add_chain(admin_chain);
  if (!entered) {
    for (const RuleInfo& rule : present.forward)
      if (is_same(rule, entry)) edits.remove(entry, rule);
    edits.insert(entry);
  }
  if (!admitted) edits.insert(admin);
  return !entered;
}

constexpr char kTimeMark = '@';  // the last one of a note

/// The note of a rule: its owner, and the time at which it was made.
std::string note_of(const Owner& owner) {
  return owner_comment(owner) + " " + kTimeMark + std::to_string(base::boot_time().count());
}

bool is_made_since(std::string_view note, base::BootTime time) {
  const std::size_t mark = note.rfind(kTimeMark);
  std::int64_t made = 0;
  if (mark == std::string_view::npos) return false;
  std::from_chars(note.data() + mark + 1, note.data() + note.size(), made);
  return base::BootTime(made) >= time;
}

/// Returns whether the shared part had to change: then the batch depends on what was read.
bool put(FilterEdits& edits, TableView& view, const Owner& owner, const ForwardRules& rules) {
  const Present present = read_present(view, rules.accept);
  if (present.forward.empty() && !view.has_chain(kForward)) edits.ensure_forward();
  const bool moved = rules.accept && put_shared(edits, view, rules.admin_chain, present);
  if (rules.isolation)
    isolation_iptables::put(edits, view, *rules.isolation, moved);
  else if (moved)
    isolation_iptables::keep_first(edits, view);
  const bool changed = !edits.empty();
  if (!rules.accept) return changed;
  const bool has_notes = view.variant() == IptablesVariant::nft;
  for (const FilterRule& rule : pod_rules(rules.addresses, view.family())) {
    const bool is_present = std::ranges::any_of(present.pods, [&](const RuleInfo& each) {
      return is_same(each, rule) && (!has_notes || is_owned_by(each.note, owner));
    });
    if (!is_present) edits.append(rule, note_of(owner));
  }
  return changed;
}

/// A text about the first rule of `view` that packets do not get to; empty if there is none.
std::string find_accept_fault(TableView& view, const ForwardRules& rules) {
  const std::vector<RuleInfo> forward = view.list_rules(kForward);
  const std::vector<RuleInfo> pods = view.list_rules(kPodsChain);
  std::vector<FilterRule> wanted = pod_rules(rules.addresses, view.family());
  wanted.push_back(admin_rule(rules.admin_chain));
  for (const FilterRule& rule : wanted)
    if (!has(pods, rule)) return missing_text(rule, view);
  if (!has(forward, entry_rule())) return missing_text(entry_rule(), view);
  if (!reaches(forward, entry_rule())) return not_reached_text(entry_rule(), view);
  return {};
}

std::string find_fault(TableView& view, const ForwardRules& rules) {
  std::string fault = rules.accept ? find_accept_fault(view, rules) : std::string();
  if (fault.empty() && rules.isolation)
    fault = isolation_iptables::find_fault(view, *rules.isolation);
  return fault;
}

std::string place_of(const std::string& chain, int family) {
  return "chain " + chain + " of " + (family == AF_INET ? "iptables" : "ip6tables") +
         " table filter";
}

std::vector<int> families_of(const ForwardRules& rules) {
  std::vector<int> families;
  for (const int family : kFamilies)
    if (std::ranges::any_of(rules.addresses, [&](const base::IpAddress& address) {
          return address.family() == family;
        }))
      families.push_back(family);
  return families;
}

TableView view_of(Nft& nft, int family, IptablesVariant variant) {
  return {nft, family, variant, IptablesTable::filter};
}

/// The view that ADD writes to; nothing where it leaves iptables alone.
std::optional<TableView> find_view(Nft& nft, int family, const ForwardRules& rules) {
  if (!rules.only_present) return view_of(nft, family, find_host_variant(nft, family));
  TableView view = view_of(nft, family, IptablesVariant::nft);
  if (!view.has_chain(kForward)) return std::nullopt;
  return view;
}

/// The tool reports success although it could not read its input (iptables 1.8.9).
void require_all(TableView& view, const ForwardRules& rules) {
  const std::string fault = find_fault(view, rules);
  if (!fault.empty())
    base::throw_errno("iptables-legacy-restore reported success, but " + fault, EIO);
}

void add_legacy(Nft& nft, const Owner& owner, const ForwardRules& rules, int family) {
  nft::Batch unused(filter_table(family));
  for (int i = 1;; ++i) {
    TableView view = view_of(nft, family, IptablesVariant::legacy);
    FilterEdits edits(unused, family, IptablesVariant::legacy);
    put(edits, view, owner, rules);
    try {
      edits.restore();
      break;
    } catch (const std::system_error&) {
      if (i == kLegacyTries) throw;  // before that: another process may have made the chains first
    }
  }
  TableView after = view_of(nft, family, IptablesVariant::legacy);
  require_all(after, rules);
}

/// Removes the rules that `list` finds in a family, in one transaction. Returns the families that
/// had any.
std::set<int> remove_by_netlink(
    Nft& nft, const std::function<std::vector<std::uint64_t>(const nft::Table&)>& list) {
  std::set<int> found;
  nft::retry_on_conflict([&] {
    nft::Batch batch(filter_table(AF_INET));
    for (const int family : kFamilies) {
      batch.select(filter_table(family));
      for (const std::uint64_t handle : list(batch.table())) {
        batch.remove_rule(kPodsChain, handle);
        found.insert(family);
      }
    }
    nft.commit(batch);
  });
  return found;
}

std::set<int> remove_owned(Nft& nft, const Owner& owner) {
  return remove_by_netlink(nft, [&](const nft::Table& table) {
    return nft.list_handles(table, kPodsChain,
                            [&](std::string_view note) { return is_owned_by(note, owner); });
  });
}

/// Removes the rules for `addresses` that have no owner.
bool remove_unowned(Nft& nft, std::span<const base::IpAddress> addresses) {
  std::vector<FilterRule> rules;
  for (const int family : kFamilies)
    std::ranges::move(pod_rules(addresses, family), std::back_inserter(rules));
  if (rules.empty()) return false;
  const std::set<int> found = remove_by_netlink(nft, [&](const nft::Table& table) {
    std::vector<std::uint64_t> handles;
    for (const RuleInfo& present : nft.list_rules(table, kPodsChain))
      if (present.note.empty() && std::ranges::any_of(rules, [&](const FilterRule& rule) {
            return is_same(present, rule);
          }))
        handles.push_back(present.handle);
    return handles;
  });
  return !found.empty();
}

/// Puts the removal of each of `rules` that is present into `edits`.
void remove_present(FilterEdits& edits, TableView view, const std::vector<FilterRule>& rules) {
  const std::vector<RuleInfo> present = view.list_rules(kPodsChain);
  for (const FilterRule& rule : rules) {
    const auto found =
        std::ranges::find_if(present, [&](const RuleInfo& each) { return is_same(each, rule); });
    if (found != present.end()) edits.remove(rule, *found);
  }
}

/// Returns whether there were any. The tool removes all of them or none: a rule that another DEL
/// has removed meanwhile makes it fail, and it can report a success without having read its input.
bool remove_legacy(Nft& nft, std::span<const base::IpAddress> addresses, int family) {
  const std::vector<FilterRule> rules = pod_rules(addresses, family);
  nft::Batch unused(filter_table(family));
  for (int i = 0; !rules.empty(); ++i) {
    FilterEdits edits(unused, family, IptablesVariant::legacy);
    remove_present(edits, view_of(nft, family, IptablesVariant::legacy), rules);
    if (edits.empty()) return i > 0;
    if (i == kLegacyTries)
      base::throw_errno("remove rules from " + place_of(kPodsChain, family) +
                            ": iptables-legacy-restore reported success, but they are still there",
                        EIO);
    try {
      edits.restore();
    } catch (const std::system_error&) {
      if (i + 1 == kLegacyTries) throw;
    }
  }
  return false;
}

}  // namespace

std::string missing_text(const FilterRule& rule, const TableView& view) {
  return "rule \"" + words_of(rule) + "\" is missing from " + place_of(rule.chain, view.family());
}

std::string not_reached_text(const FilterRule& rule, const TableView& view) {
  return "rule \"" + words_of(rule) + "\" has no effect in " + place_of(rule.chain, view.family()) +
         ": a rule before it decides on all packets";
}

IptablesVariant find_host_variant(Nft& nft, int family) {
  const bool has_legacy = find_legacy_filter_size(family).has_value();
  const bool has_nft = nft.has_chain(filter_table(family), kForward);
  // Only one variant is in use: the program need not be looked for.
  if (has_nft && !has_legacy) return IptablesVariant::nft;
  if (const auto installed = find_tool_variant(family)) return *installed;
  return has_legacy && !has_nft ? IptablesVariant::legacy : IptablesVariant::nft;
}

void add_forward_rules(Nft& nft, const Owner& owner, const ForwardRules& rules) {
  std::set<int> legacy;
  nft::retry_on_conflict([&] {
    const std::uint32_t generation = nft.generation();
    bool depends = false;
    nft::Batch batch(filter_table(AF_INET));
    for (const int family : families_of(rules)) {
      std::optional<TableView> view = find_view(nft, family, rules);
      if (!view) continue;
      if (view->variant() == IptablesVariant::legacy) {
        legacy.insert(family);
        continue;
      }
      FilterEdits edits(batch, family, IptablesVariant::nft);
      depends = put(edits, *view, owner, rules) || depends;
    }
    nft.commit(batch, depends ? std::optional(generation) : std::nullopt);
  });
  for (const int family : legacy) add_legacy(nft, owner, rules, family);
}

bool remove_forward_rules(Nft& nft, const Owner& owner,
                          std::span<const base::IpAddress> addresses) {
  const std::set<int> owned = remove_owned(nft, owner);
  std::vector<base::IpAddress> others;
  std::ranges::copy_if(addresses, std::back_inserter(others), [&](const base::IpAddress& address) {
    return !owned.contains(address.family());
  });
  bool existed = remove_unowned(nft, others) || !owned.empty();
  for (const int family : kFamilies) existed = remove_legacy(nft, others, family) || existed;
  return existed;
}

void check_forward_rules(Nft& nft, const ForwardRules& rules) {
  for (const int family : families_of(rules)) {
    std::optional<TableView> view = find_view(nft, family, rules);
    if (!view) continue;
    const std::string fault = find_fault(*view, rules);
    if (fault.empty()) continue;
    const bool is_nft = view->variant() == IptablesVariant::nft;
    TableView other = view_of(nft, family, is_nft ? IptablesVariant::legacy : IptablesVariant::nft);
    if (!find_fault(other, rules).empty()) throw std::runtime_error(fault);
  }
}

std::function<void()> find_stale_forward_rules(Nft& nft, const std::string& network,
                                               std::span<const Owner> valid, base::BootTime began) {
  const auto is_stale = [is_of_none = StaleComments(network, valid), began](std::string_view note) {
    return is_of_none(note) && !is_made_since(note, began);
  };
  std::map<int, std::set<std::uint64_t>> stale;
  for (const int family : kFamilies)
    for (const std::uint64_t handle : nft.list_handles(filter_table(family), kPodsChain, is_stale))
      stale[family].insert(handle);
  return [&nft, stale, is_stale] {
    for (const auto& [family, handles] : stale)
      nft::retry_on_conflict([&, &handles = handles, table = filter_table(family)] {
        nft::Batch batch(table);
        // The note as well: after a flush, the kernel begins to count handles anew.
        for (const std::uint64_t handle : nft.list_handles(table, kPodsChain, is_stale))
          if (handles.contains(handle)) batch.remove_rule(kPodsChain, handle);
        nft.commit(batch);
      });
  };
}

}  // namespace firewall
