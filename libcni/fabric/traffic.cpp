// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/traffic.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <utility>

#include "libcni/base/names.h"
#include "libcni/net/nft.h"
#include "libcni/net/owner.h"

namespace fabric {
namespace {

using net::nft::Batch;
using net::nft::Field;
using net::nft::Nft;
using net::nft::PortRange;
using net::nft::Rule;
using net::nft::Table;
using What = Change::What;

constexpr std::uint32_t kKubeProxyMark = 0x4000;  // "masquerade this": its own rules do
constexpr int kFirstFreePort = 1024;              // the kernel, too, keeps NAT at or above it
constexpr int kLastPort = 65535;

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

/// A rule and how a person would write it; the text also tells whether it is still the wanted one.
struct WantedRule {
  const char* chain;
  std::string text;
  std::function<Rule&(Rule&)> build;
};

constexpr const char* kPrerouting = "prerouting";
constexpr const char* kOutput = "output";
constexpr const char* kForward = "forward";
constexpr const char* kPostrouting = "postrouting";

void add_tunnel_rules(std::vector<WantedRule>& rules, std::uint16_t port, std::uint32_t vni) {
  const std::string tunnel = " vxlan port " + std::to_string(port) + " vni " + std::to_string(vni);
  for (const int family : {AF_INET, AF_INET6}) {
    const std::string digit = family == AF_INET ? "4" : "6";
    const std::vector<Field> source{{Field::Name::source}};
    // Only what is for this node: others' tunnels may pass through it.
    rules.push_back({kPrerouting, "unknown sender of" + tunnel, [=](Rule& rule) -> Rule& {
                       return rule.address_family(family)
                           .vxlan(port, vni)
                           .in_set("vteps" + digit, family, source, Rule::Match::unequal)
                           .destination_is_local()
                           .counter()
                           .drop();
                     }});
    // Masqueraded, a pod's packet would have a known sender's address.
    rules.push_back({kForward, "own pod's" + tunnel, [=](Rule& rule) -> Rule& {
                       return rule.address_family(family)
                           .vxlan(port, vni)
                           .in_set("own" + digit, family, source)
                           .counter()
                           .drop();
                     }});
  }
  for (const char* chain : {kPrerouting, kOutput})
    rules.push_back({chain, "notrack" + tunnel,
                     [=](Rule& rule) -> Rule& { return rule.vxlan(port, vni).notrack(); }});
}

/// The most ports in a row that pods' flows can get without one of the tunnel's: answers to such a
/// port would be taken for the tunnel's packets.
PortRange ports_beside(std::vector<std::uint16_t> tunnels) {
  PortRange widest{.first = kFirstFreePort, .last = kFirstFreePort - 1};
  int first = kFirstFreePort;
  const auto close = [&](int last) {
    if (last - first > widest.last - widest.first)
      widest = {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
    first = std::max(first, last + 2);
  };
  std::ranges::sort(tunnels);
  for (const std::uint16_t port : tunnels) close(port - 1);
  close(kLastPort);
  return widest;
}

WantedRule masquerade_rule(int family, const std::optional<PortRange>& udp_ports = {}) {
  const std::string digit = family == AF_INET ? "4" : "6";
  const base::Prefix multicast =
      *base::Prefix::parse(family == AF_INET ? "224.0.0.0/4" : "ff00::/8");
  std::string text = "masquerade own" + digit;
  if (udp_ports)
    text += " UDP to " + std::to_string(udp_ports->first) + "-" + std::to_string(udp_ports->last);
  return {kPostrouting, text, [=](Rule& rule) -> Rule& {
            rule.address_family(family)
                .in_set("own" + digit, family, {{Field::Name::source}})
                .in_set("direct" + digit, family, {{Field::Name::destination}},
                        Rule::Match::unequal)
                .destination(multicast, Rule::Match::unequal);
            // Lower source ports stay below 1024: servers that want one get one.
            if (udp_ports) rule.l4proto(IPPROTO_UDP).source_port_at_least(kFirstFreePort);
            return rule.masquerade_fully_random(udp_ports);
          }};
}

std::vector<WantedRule> wanted_rules(const Traffic& traffic) {
  std::vector<WantedRule> rules;
  for (const std::uint16_t port : traffic.vxlan_ports)
    for (const std::uint32_t vni : traffic.vnis) add_tunnel_rules(rules, port, vni);
  if (!traffic.masquerade) return rules;
  rules.push_back({kPostrouting, "leave to kube-proxy", [](Rule& rule) -> Rule& {
                     return rule.mark(kKubeProxyMark, kKubeProxyMark).return_to_caller();
                   }});
  for (const int family : {AF_INET, AF_INET6}) {
    if (!traffic.vxlan_ports.empty())
      rules.push_back(masquerade_rule(family, ports_beside(traffic.vxlan_ports)));
    rules.push_back(masquerade_rule(family));
  }
  return rules;
}

struct WantedChain {
  const char* name;
  net::nft::Hook hook;
};

/// Those that have one of `rules`.
std::vector<WantedChain> wanted_chains(const std::vector<WantedRule>& rules) {
  std::vector<WantedChain> chains = {{kPrerouting, net::nft::prerouting_raw()},
                                     {kOutput, net::nft::output_raw()},
                                     {kForward, net::nft::forward_filter()},
                                     {kPostrouting, net::nft::postrouting_nat()}};
  std::erase_if(chains, [&](const WantedChain& chain) {
    return std::ranges::find(rules, std::string_view(chain.name), &WantedRule::chain) ==
           rules.end();
  });
  return chains;
}

/// Comments of `rules` in order; each carries a hash of them all, and so of this layout.
std::vector<std::string> comments_of(const std::vector<WantedRule>& rules) {
  constexpr std::size_t kHashShown = 8;
  std::string all = "layout 3";
  for (const WantedRule& rule : rules) all += "\n" + std::string(rule.chain) + " " + rule.text;
  const std::string hash = base::sha512_hex(all).substr(0, kHashShown);
  std::vector<std::string> comments;
  for (const WantedRule& rule : rules) comments.push_back("plumb " + hash + ": " + rule.text);
  return comments;
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
  else
    table.remove();
} catch (const std::system_error& e) {
  run.fail(std::string("table inet ") + table_of(run.scope()).name + ": " + e.what());
}

}  // namespace fabric
