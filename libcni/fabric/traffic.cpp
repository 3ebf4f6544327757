// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "libcni/fabric/difference.h"
#include "libcni/fabric/traffic_rules.h"
#include "libcni/fabric/traffic_sets.h"
#include "libcni/firewall/owner.h"
#include "libcni/nft/nft.h"

namespace fabric {
namespace {

using nft::Batch;
using nft::Nft;
using nft::Rule;
using nft::Table;
using What = Change::What;

Table table_of(const std::string& scope) {
  return {nft::Family::inet, scope.empty() ? "plumb" : "plumb_" + firewall::network_hash(scope)};
}

using Rules = std::vector<nft::ChainInfo>;

bool is_ours(const nft::ChainInfo& rule) {
  return is_comment_of_ours(rule.comment);
}

/// True if the rules are right. Then sets and chains are right, too: the kernel does not remove a
/// set that a rule uses, nor a chain that has rules.
bool is_laid_out(const Rules& present, const std::vector<WantedRule>& rules,
                 const std::vector<std::string>& comments) {
  if (present.size() != rules.size()) return false;
  // The kernel lists chain by chain, each in its order.
  for (const WantedChain& chain : wanted_chains(rules)) {
    std::vector<std::string> wanted_here, present_here;
    for (std::size_t i = 0; i < rules.size(); ++i)
      if (std::string_view(rules[i].chain) == chain.name) wanted_here.push_back(comments[i]);
    for (const nft::ChainInfo& rule : present)
      if (rule.name == chain.name) present_here.push_back(rule.comment);
    if (wanted_here != present_here) return false;
  }
  return true;
}

/// Removes the common beginning and end of two lists, in which nothing is twice: what is left need
/// not be compared with it. Saves 5 ms with 5000 nodes.
template <typename Each>
void keep_differences(std::vector<Each>& before, std::vector<Each>& after) {
  const auto [gone, fresh] = trim_common<Each>(before, after);
  std::vector<Each> left_before(gone.begin(), gone.end());
  std::vector<Each> left(fresh.begin(), fresh.end());
  before = std::move(left_before);
  after = std::move(left);
}

/// The element as nft prints it.
std::string text_of(const nft::Bytes& key, const nft::Set& set) {
  std::string text;
  std::size_t at = 0;
  for (const nft::Type type : set.key) {
    const std::size_t size = std::min<std::size_t>(key.size() - at, nft::size_of({type}));
    const auto address = base::IpAddress::from_bytes({key.data() + at, size});
    text += (text.empty() ? "" : " . ") + address.value_or(base::IpAddress{}).text();
    at += size;
  }
  return text;
}

/// The table as it is and as it should be.
class TrafficTable {
 public:
  TrafficTable(Run& run, Nft& nft) : run_(run), nft_(nft), table_(table_of(run.scope())) {}

  void ensure(const Traffic& traffic) {
    nft::retry_on_conflict([&] {
      const std::uint32_t generation = run_.is_dry() ? 0 : nft_.generation();
      want(traffic);
      const bool laid_out = is_laid_out(nft_.list_comments(table_), rules_, comments_);
      if (!laid_out && is_foreign())
        return run_.recorder().fail(
            "table inet " + table_.name +
            " has rules that are not Plumb's: it is another program's; remove it");
      if (!run_.removes()) keep_present();
      Batch batch(table_);
      if (!laid_out)
        lay_out(batch);
      else
        for (const WantedSet& wanted : sets_) update(batch, wanted, read_present(wanted.set));
      commit(batch, generation);
    });
  }

  /// Sends the difference between two states of the sets without reading the kernel's.
  void apply_delta(Traffic before, Traffic traffic) {
    const std::set<TunnelShape> shapes = shapes_of(traffic);
    if (shapes != shapes_of(before)) return;  // the rules differ, too
    keep_differences(before.vteps, traffic.vteps);
    keep_differences(before.tunnel_sources, traffic.tunnel_sources);
    keep_differences(before.speakers, traffic.speakers);
    const std::vector<WantedSet> present = wanted_sets(before, shapes);
    sets_ = wanted_sets(traffic, shapes);
    const auto name = [](const WantedSet& wanted) { return wanted.set.name; };
    if (!std::ranges::equal(present, sets_, {}, name, name)) return;
    Batch batch(table_);
    for (std::size_t i = 0; i < sets_.size(); ++i) update(batch, sets_[i], present[i].keys);
    commit(batch, std::nullopt);
  }

  void remove() {
    nft::retry_on_conflict([&] {
      const std::uint32_t generation = run_.is_dry() ? 0 : nft_.generation();
      if (nft_.list_chains(table_).empty() || is_foreign()) return;
      Batch batch(table_);
      batch.remove_table();
      note(What::remove, "table inet " + table_.name);
      commit(batch, generation);
    });
  }

 private:
  void want(const Traffic& traffic);
  bool is_foreign();
  void keep_present();
  std::vector<SetKey> read_present(const nft::Set& set);
  void lay_out(Batch& batch);
  void update(Batch& batch, const WantedSet& wanted, const std::vector<SetKey>& present);
  void note(What what, const std::string& object) { noted_.push_back({what, object}); }
  void commit(const Batch& batch, std::optional<std::uint32_t> generation);

  Run& run_;
  Nft& nft_;
  Table table_;
  std::vector<WantedSet> sets_;
  std::vector<WantedRule> rules_;
  std::vector<std::string> comments_;
  std::vector<Change> noted_;
};

void TrafficTable::want(const Traffic& traffic) {
  std::set<TunnelShape> shapes = shapes_of(traffic);
  // Nodes that an old list lacks keep their rules as well as their elements.
  if (!run_.removes()) shapes.merge(find_shapes(nft_.list_sets(table_)));
  sets_ = wanted_sets(traffic, shapes);
  rules_ = wanted_rules(traffic, shapes);
  comments_ = comments_of(rules_);
}

/// Returns whether a table of this name belongs to another program: it has rules, and none is ours.
bool TrafficTable::is_foreign() {
  const Rules present = nft_.list_comments(table_);
  return !present.empty() && std::ranges::none_of(present, is_ours);
}

void TrafficTable::lay_out(Batch& batch) {
  note(nft_.list_chains(table_).empty() ? What::add : What::replace, "table inet " + table_.name);
  // Created first, so that its removal cannot fail.
  batch.ensure_table({});
  batch.remove_table();
  batch.ensure_table("traffic of pods between nodes; made by Plumb, changes are lost");
  for (const WantedSet& wanted : sets_) {
    batch.ensure_set(wanted.set);
    for (const SetKey& key : wanted.keys)
      batch.add_element(wanted.set.name, {.key = key.wire(), .interval_end = key.end});
  }
  for (const WantedChain& chain : wanted_chains(rules_))
    if (chain.hook)
      batch.ensure_base_chain(chain.name, *chain.hook);
    else
      batch.ensure_chain(chain.name);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    Rule rule(comments_[i]);
    batch.append_rule(rules_[i].chain, rules_[i].build(rule));
  }
}

/// The elements, sorted.
std::vector<SetKey> TrafficTable::read_present(const nft::Set& set) {
  std::vector<SetKey> present;
  nft_.visit_elements(
      table_, set.name,
      [&](std::span<const std::uint8_t> key, bool end) { present.push_back(set_key(key, end)); },
      [&] { present.clear(); });
  std::ranges::sort(present);
  // The kernel keeps an interval end at the beginning of the address space in a set of ranges.
  if (set.intervals)
    std::erase_if(present,
                  [](const SetKey& key) { return key.end && key.bytes == decltype(key.bytes){}; });
  return present;
}

/// Keeps the elements of nodes that an old list lacks, so that their traffic goes on.
void TrafficTable::keep_present() {
  const std::vector<std::string> names = nft_.list_sets(table_);
  for (WantedSet& wanted : sets_)
    if (std::ranges::find(names, wanted.set.name) != names.end())
      wanted.keys = unite(std::move(wanted.keys), read_present(wanted.set), wanted.set.intervals);
}

void TrafficTable::update(Batch& batch, const WantedSet& wanted,
                          const std::vector<SetKey>& present) {
  std::vector<SetKey> surplus, missing;
  std::ranges::set_difference(present, wanted.keys, std::back_inserter(surplus));
  std::ranges::set_difference(wanted.keys, present, std::back_inserter(missing));
  const auto text = [&](const SetKey& key) {
    return "element " + text_of(key.wire(), wanted.set) + " of set " + wanted.set.name;
  };
  for (const SetKey& key : surplus) {
    batch.remove_element(wanted.set.name, key.wire(), key.end);
    if (!key.end) note(What::remove, text(key));
  }
  for (const SetKey& key : missing) {
    batch.add_element(wanted.set.name, {.key = key.wire(), .interval_end = key.end});
    if (!key.end) note(What::add, text(key));
  }
  // Same starts, other ends: ranges have changed their length.
  const auto is_end = [](const SetKey& key) { return key.end; };
  const bool differ = !surplus.empty() || !missing.empty();
  if (differ && std::ranges::all_of(surplus, is_end) && std::ranges::all_of(missing, is_end))
    note(What::replace, "lengths of ranges in set " + wanted.set.name);
}

/// Reports the batch's changes after the commit, because a conflict starts the work again.
void TrafficTable::commit(const Batch& batch, std::optional<std::uint32_t> generation) {
  const std::vector<Change> noted = std::exchange(noted_, {});
  run_.commit(batch, generation);
  for (const Change& each : noted)
    run_.change(
        each.what, each.object, [] {}, 0);
  if (!run_.is_dry()) run_.recorder().count(batch.size());
}

}  // namespace

void ensure_traffic(Run& run, const std::optional<Traffic>& traffic) try {
  TrafficTable table(run, run.nft());
  if (traffic)
    table.ensure(*traffic);
  else if (run.removes())
    table.remove();
} catch (const std::system_error& e) {
  run.recorder().fail(std::string("table inet ") + table_of(run.scope()).name, e);
}

void apply_traffic_delta(Run& run, const Traffic& before, const Traffic& traffic) try {
  if (before == traffic) return;
  TrafficTable(run, run.nft()).apply_delta(before, traffic);
} catch (const std::system_error& e) {
  run.recorder().fail(std::string("table inet ") + table_of(run.scope()).name, e);
}

bool has_traffic_rules(Nft& nft, const std::optional<Traffic>& traffic) {
  const Rules present = nft.list_comments(table_of({}));
  if (!traffic) return std::ranges::none_of(present, is_ours);
  std::set<TunnelShape> shapes = shapes_of(*traffic);
  shapes.merge(find_shapes(nft.list_sets(table_of({}))));  // those kept for an old list are right
  const std::vector<WantedRule> rules = wanted_rules(*traffic, shapes);
  return is_laid_out(present, rules, comments_of(rules));
}

}  // namespace fabric
