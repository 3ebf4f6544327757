// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <utility>

#include "libcni/fabric/traffic_rules.h"
#include "libcni/net/nft.h"
#include "libcni/net/owner.h"

namespace fabric {
namespace {

using net::nft::Batch;
using net::nft::Nft;
using net::nft::Rule;
using net::nft::Table;
using What = Change::What;

Table table_of(const std::string& scope) {
  return {net::nft::Family::inet, scope.empty() ? "plumb" : "plumb_" + net::network_hash(scope)};
}

/// An element of one of our sets, small: there can be one for each node.
struct Key {
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t size = 0;
  bool end = false;
  auto operator<=>(const Key&) const = default;

  net::nft::Bytes wire() const { return {bytes.begin(), bytes.begin() + size}; }
};

Key key_of(std::span<const std::uint8_t> bytes, bool end = false) {
  Key key{.size = static_cast<std::uint8_t>(std::min<std::size_t>(bytes.size(), 16)), .end = end};
  std::memcpy(key.bytes.data(), bytes.data(), key.size);
  return key;
}

/// A set with what belongs into it, sorted.
struct WantedSet {
  net::nft::Set set;
  std::vector<Key> keys = {};
};

WantedSet set_of_ranges(const std::string& name, int family, std::vector<base::Prefix> ranges) {
  WantedSet wanted{{.name = name + (family == AF_INET ? "4" : "6"),
                    .key = {net::nft::address_type(family)},
                    .intervals = true}};
  std::erase_if(ranges,
                [&](const base::Prefix& range) { return range.address.family() != family; });
  std::ranges::sort(ranges, {}, [](const base::Prefix& range) { return range.network().address; });
  // Elements must neither overlap nor touch: ranges that do become one.
  std::optional<base::IpAddress> last;
  const auto close = [&] {
    const base::IpAddress end = last->plus(1);
    if (!end.is_unspecified()) wanted.keys.push_back(key_of(end.bytes(), true));
  };
  for (const base::Prefix& range : ranges) {
    const base::IpAddress first = range.network().address;
    const bool joined = last && (first <= *last || first == last->plus(1));
    if (last && !joined) close();
    if (!joined) wanted.keys.push_back(key_of(first.bytes()));
    last = last ? std::max(*last, range.last()) : range.last();
  }
  if (last) close();
  std::ranges::sort(wanted.keys);
  return wanted;
}

WantedSet set_of_addresses(const std::string& name, int family,
                           const std::vector<base::IpAddress>& addresses) {
  WantedSet wanted{
      {.name = name + (family == AF_INET ? "4" : "6"), .key = {net::nft::address_type(family)}}};
  for (const base::IpAddress& address : addresses)
    if (address.family() == family) wanted.keys.push_back(key_of(address.bytes()));
  std::ranges::sort(wanted.keys);
  wanted.keys.erase(std::unique(wanted.keys.begin(), wanted.keys.end()), wanted.keys.end());
  return wanted;
}

/// What is in either list of a set.
std::vector<Key> unite(std::vector<Key> a, const std::vector<Key>& b, bool intervals) {
  a.insert(a.end(), b.begin(), b.end());
  std::ranges::sort(a);
  if (!intervals) {
    a.erase(std::unique(a.begin(), a.end()), a.end());
    return a;
  }
  std::vector<Key> united;
  int open = 0;
  for (const Key& key : a) {
    open += key.end ? -1 : 1;
    if (open == (key.end ? 0 : 1)) united.push_back(key);
  }
  return united;
}

/// Those that wanted_rules() look into, and no others.
std::vector<WantedSet> wanted_sets(const Traffic& traffic) {
  const bool tunnels = !traffic.vxlan_ports.empty() && !traffic.vnis.empty();
  std::vector<base::Prefix> direct = traffic.cluster_ranges;
  direct.insert(direct.end(), traffic.own_ranges.begin(), traffic.own_ranges.end());
  direct.insert(direct.end(), traffic.no_masquerade.begin(), traffic.no_masquerade.end());
  std::vector<WantedSet> sets;
  for (const int family : {AF_INET, AF_INET6}) {
    if (tunnels || traffic.masquerade)
      sets.push_back(set_of_ranges("own", family, traffic.own_ranges));
    if (traffic.masquerade) sets.push_back(set_of_ranges("direct", family, direct));
    if (tunnels) sets.push_back(set_of_addresses("vteps", family, traffic.vteps));
  }
  return sets;
}

/// The table as it is and as it should be.
class TrafficTable {
 public:
  TrafficTable(Run& run, Nft& nft) : run_(run), nft_(nft), table_(table_of(run.scope())) {}

  void ensure(const Traffic& traffic) {
    sets_ = wanted_sets(traffic);
    rules_ = wanted_rules(traffic);
    comments_ = comments_of(rules_);
    net::nft::retry_on_conflict([&] {
      const std::uint32_t generation = run_.is_dry() ? 0 : nft_.generation();
      if (!run_.removes()) keep_present();
      Batch batch(table_);
      if (is_laid_out())
        update_sets(batch);
      else
        lay_out(batch);
      commit(batch, generation);
    });
  }

  void remove() {
    net::nft::retry_on_conflict([&] {
      const std::uint32_t generation = run_.is_dry() ? 0 : nft_.generation();
      if (nft_.list_chains(table_).empty()) return;
      Batch batch(table_);
      batch.remove_table();
      note(What::remove, "table inet " + table_.name);
      commit(batch, generation);
    });
  }

 private:
  void keep_present();
  std::vector<Key> read_present(const net::nft::Set& set);
  bool is_laid_out();
  void lay_out(Batch& batch);
  void update_sets(Batch& batch);
  void update(Batch& batch, const WantedSet& wanted);
  void note(What what, const std::string& object) { noted_.push_back({what, object}); }
  void commit(const Batch& batch, std::uint32_t generation);

  Run& run_;
  Nft& nft_;
  Table table_;
  std::vector<WantedSet> sets_;
  std::vector<WantedRule> rules_;
  std::vector<std::string> comments_;
  std::vector<Change> noted_;
};

/// Rules tell for all: the kernel removes no set that one of them looks into, and no chain without
/// its rules.
bool TrafficTable::is_laid_out() {
  const auto present = nft_.list_comments(table_);
  if (present.size() != rules_.size()) return false;
  // The kernel lists chain by chain, each in its order.
  for (const WantedChain& chain : wanted_chains(rules_)) {
    std::vector<std::string> wanted_here, present_here;
    for (std::size_t i = 0; i < rules_.size(); ++i)
      if (std::string_view(rules_[i].chain) == chain.name) wanted_here.push_back(comments_[i]);
    for (const net::nft::ChainInfo& rule : present)
      if (rule.name == chain.name) present_here.push_back(rule.comment);
    if (wanted_here != present_here) return false;
  }
  return true;
}

void TrafficTable::lay_out(Batch& batch) {
  note(nft_.list_chains(table_).empty() ? What::add : What::replace, "table inet " + table_.name);
  // Created first, so that its removal cannot fail.
  batch.ensure_table({});
  batch.remove_table();
  batch.ensure_table("traffic of pods between nodes; made by Plumb, changes are lost");
  for (const WantedSet& wanted : sets_) {
    batch.ensure_set(wanted.set);
    for (const Key& key : wanted.keys)
      batch.add_element(wanted.set.name, {.key = key.wire(), .interval_end = key.end});
  }
  for (const WantedChain& chain : wanted_chains(rules_))
    batch.ensure_base_chain(chain.name, chain.hook);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    Rule rule(comments_[i]);
    batch.append_rule(rules_[i].chain, rules_[i].build(rule));
  }
}

/// The elements, sorted.
std::vector<Key> TrafficTable::read_present(const net::nft::Set& set) {
  std::vector<Key> present;
  nft_.visit_elements(
      table_, set.name,
      [&](std::span<const std::uint8_t> key, bool end) { present.push_back(key_of(key, end)); },
      [&] { present.clear(); });
  std::ranges::sort(present);
  // The kernel keeps an end at the beginning of everything in a set of ranges.
  if (set.intervals)
    std::erase_if(present,
                  [](const Key& key) { return key.end && key.bytes == decltype(key.bytes){}; });
  return present;
}

/// Nodes that an old list lacks keep sending, and being sent to.
void TrafficTable::keep_present() {
  const std::vector<std::string> names = nft_.list_sets(table_);
  for (WantedSet& wanted : sets_)
    if (std::ranges::find(names, wanted.set.name) != names.end())
      wanted.keys = unite(std::move(wanted.keys), read_present(wanted.set), wanted.set.intervals);
}

void TrafficTable::update(Batch& batch, const WantedSet& wanted) {
  const std::vector<Key> present = read_present(wanted.set);
  std::vector<Key> surplus, missing;
  std::ranges::set_difference(present, wanted.keys, std::back_inserter(surplus));
  std::ranges::set_difference(wanted.keys, present, std::back_inserter(missing));
  const auto text = [&](const Key& key) {
    return "element " + base::IpAddress::from_bytes(key.wire()).value_or(base::IpAddress{}).text() +
           " of set " + wanted.set.name;
  };
  for (const Key& key : surplus) {
    batch.remove_element(wanted.set.name, key.wire(), key.end);
    if (!key.end) note(What::remove, text(key));
  }
  for (const Key& key : missing) {
    batch.add_element(wanted.set.name, {.key = key.wire(), .interval_end = key.end});
    if (!key.end) note(What::add, text(key));
  }
}

void TrafficTable::update_sets(Batch& batch) {
  for (const WantedSet& wanted : sets_) update(batch, wanted);
}

/// Reports what the batch does once it is done, for a conflict begins anew.
void TrafficTable::commit(const Batch& batch, std::uint32_t generation) {
  const std::vector<Change> noted = std::exchange(noted_, {});
  if (!run_.is_dry()) nft_.commit(batch, generation);
  for (const Change& each : noted)
    run_.change(
        each.what, each.object, [] {}, 0);
  if (!run_.is_dry()) run_.count(batch.size());
}

}  // namespace

void ensure_traffic(Run& run, const std::optional<Traffic>& traffic) try {
  TrafficTable table(run, run.nft());
  if (traffic)
    table.ensure(*traffic);
  else if (run.removes())
    table.remove();
} catch (const std::system_error& e) {
  run.fail(std::string("table inet ") + table_of(run.scope()).name + ": " + e.what());
}

}  // namespace fabric
