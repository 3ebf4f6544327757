// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/plan.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "agent/policy/cluster.h"
#include "agent/policy/selector.h"
#include "libcni/base/names.h"
#include "libcni/json/object.h"

namespace agent::policy {
namespace {

using Kind = Condition::Kind;
using Verdict = TableRule::Verdict;
using SetKind = TableSet::Kind;

constexpr std::size_t kHashShown = 16;

std::string name_with(const std::string& prefix, const std::string& content) {
  return prefix + base::sha512_hex(content).substr(0, kHashShown);
}

/// Lets the rules of a base chain be known by the comment of the first.
void seal(TableChain& chain) {
  std::string content;
  for (const TableRule& rule : chain.rules) content += text_of(rule) + "\n";
  chain.rules.front().comment = name_with("rules ", content);
}

std::string digit(int family) {
  return family == AF_INET ? "4" : "6";
}

/// Multicast, and broadcast to every host of a link.
std::vector<base::Prefix> groups_of(int family) {
  if (family == AF_INET6) return {*base::Prefix::parse("ff00::/8")};
  return {*base::Prefix::parse("224.0.0.0/4"), *base::Prefix::parse("255.255.255.255/32")};
}

/// A peer in the words of its policy: the same for peers that mean the same pods.
std::string key_of(const Peer& peer, const std::string& ns) {
  if (!peer.pods && !peer.namespaces) return "every pod";
  const std::string pods = peer.pods ? text_of(*peer.pods) : "[]";
  return (peer.namespaces ? "namespaces " + text_of(*peer.namespaces)
                          : "namespace " + json::quote(ns)) +
         " pods " + pods;
}

Condition in_set(Kind kind, const TableSet& set, bool inverted = false) {
  return {.kind = kind, .family = set.family, .set = set.name, .inverted = inverted};
}

/// Makes the table. The sets are shared by content of their selector.
class TablePlanner {
 public:
  TablePlanner(const Objects& objects, const Place& place);
  PolicyTable make();

 private:
  using Conditions = std::vector<Condition>;
  struct Subject {
    const Pod& pod;
    Direction way;
  };

  void isolate(const LivePod& pod, Direction way);
  std::string add_chain(const LivePod& pod, Direction way,
                        const std::vector<const NetworkPolicy*>& policies);
  std::vector<Conditions> peers_of(const Rule& rule, const NetworkPolicy& policy, Direction way);
  void add_peer(std::vector<Conditions>& all, const Peer& peer, const std::string& ns,
                Direction way);
  void add_block(std::vector<Conditions>& all, const Peer& peer, Direction way);
  void add_rules(TableChain& chain, const Rule& rule, const NetworkPolicy& policy,
                 const Subject& subject);
  void add_named_egress(std::vector<Conditions>& all, const Rule& rule, const Port& port,
                        const std::string& ns);
  void add_target(std::vector<Conditions>& all, const Peer& peer, const Port& port,
                  const std::string& ns);
  static std::vector<Condition> ports_of(const Rule& rule, const Pod& pod, Direction way);
  TableSet& set_of(const std::string& name, int family, SetKind kind);
  void add_base_sets();
  std::vector<TableRule> shortcuts() const;
  TableChain forward() const;
  TableChain output() const;

  const Cluster cluster_;
  const Place& place_;
  std::set<int> families_;  ///< of this node's pods and ranges
  std::map<std::string, TableSet> sets_;
  std::map<std::string, TableChain> chains_;
  using Group = std::tuple<Direction, std::vector<const NetworkPolicy*>, std::string>;
  std::map<Group, std::string> groups_;  ///< the chain of pods with the same names of ports
  std::vector<std::string> problems_;
};

TablePlanner::TablePlanner(const Objects& objects, const Place& place)
    : cluster_(objects), place_(place) {
  for (const base::Prefix& range : place.ranges) families_.insert(range.address.family());
  for (const LivePod& each : cluster_.pods())
    if (each.pod->node == place.node)
      for (const base::IpAddress& address : each.addresses) families_.insert(address.family());
}

TableSet& TablePlanner::set_of(const std::string& name, int family, SetKind kind) {
  TableSet& set = sets_[name];
  set.name = name;
  set.family = family;
  set.kind = kind;
  return set;
}

void TablePlanner::add_base_sets() {
  for (const int family : families_) {
    set_of("known" + digit(family), family, SetKind::addresses);
    set_of("self" + digit(family), family, SetKind::pairs);
    set_of("in" + digit(family), family, SetKind::verdicts);
    set_of("out" + digit(family), family, SetKind::verdicts);
  }
  for (const base::Prefix& each : place_.ranges) {
    const int family = each.address.family();
    set_of("range" + digit(family), family, SetKind::ranges)
        .elements.push_back({.address = each.network().address, .other = each.last()});
  }
}

void TablePlanner::add_block(std::vector<Conditions>& all, const Peer& peer, Direction way) {
  const int family = peer.block->address.family();
  if (!families_.contains(family)) return;
  const bool egress = way == Direction::egress;
  if (peer.exceptions.empty()) {
    // nft does not print a comparison with all addresses of a family.
    if (peer.block->length == 0) return all.push_back({{.kind = Kind::family, .family = family}});
    return all.push_back({{.kind = egress ? Kind::destination : Kind::source,
                           .family = family,
                           .block = *peer.block}});
  }
  std::string content = peer.block->text();
  const std::vector<AddressRange> ranges = cut_out(*peer.block, peer.exceptions);
  for (const AddressRange& each : ranges)
    content += " " + each.first.text() + "-" + each.last.text();
  TableSet& set = set_of(name_with("b" + digit(family) + "_", content), family, SetKind::ranges);
  set.elements.clear();
  for (const AddressRange& each : ranges)
    set.elements.push_back({.address = each.first, .other = each.last});
  all.push_back({in_set(egress ? Kind::destination_in : Kind::source_in, set)});
}

void TablePlanner::add_peer(std::vector<Conditions>& all, const Peer& peer, const std::string& ns,
                            Direction way) {
  if (!peer.readable) return;
  if (peer.block) return add_block(all, peer, way);
  const std::string key = key_of(peer, ns);
  for (const int family : families_) {
    const std::string name = name_with("p" + digit(family) + "_", key);
    const bool is_new = !sets_.contains(name);
    TableSet& set = set_of(name, family, SetKind::addresses);
    all.push_back({in_set(way == Direction::egress ? Kind::destination_in : Kind::source_in, set)});
    if (!is_new) continue;
    for (const LivePod& pod : cluster_.pods())
      if (cluster_.is_peer(peer, ns, *pod.pod))
        for (const base::IpAddress& address : pod.addresses)
          if (address.family() == family) set.elements.push_back({.address = address});
  }
}

/// The alternatives for the other end; one without conditions where every end is allowed.
std::vector<TablePlanner::Conditions> TablePlanner::peers_of(const Rule& rule,
                                                             const NetworkPolicy& policy,
                                                             Direction way) {
  if (!rule.peers) return {{}};
  std::vector<Conditions> all;
  for (const Peer& peer : *rule.peers) add_peer(all, peer, policy.ns, way);
  return all;
}

void TablePlanner::add_target(std::vector<Conditions>& all, const Peer& peer, const Port& port,
                              const std::string& ns) {
  if (!peer.readable || peer.block) return;
  const std::string key =
      key_of(peer, ns) + " port " + std::to_string(port.protocol) + " " + port.name;
  for (const int family : families_) {
    const std::string name = name_with("n" + digit(family) + "_", key);
    const bool is_new = !sets_.contains(name);
    TableSet& set = set_of(name, family, SetKind::targets);
    all.push_back({in_set(Kind::target_in, set)});
    if (!is_new) continue;
    for (const LivePod& pod : cluster_.pods()) {
      if (!cluster_.is_peer(peer, ns, *pod.pod)) continue;
      for (const std::uint16_t number : named_ports(port, *pod.pod))
        for (const base::IpAddress& address : pod.addresses)
          if (address.family() == family)
            set.elements.push_back({.address = address, .protocol = port.protocol, .port = number});
    }
  }
}

/// A name of a port is that of the destination, which each peer has for itself.
void TablePlanner::add_named_egress(std::vector<Conditions>& all, const Rule& rule,
                                    const Port& port, const std::string& ns) {
  if (!rule.peers) return add_target(all, Peer{}, port, ns);
  for (const Peer& peer : *rule.peers) add_target(all, peer, port, ns);
}

/// The alternatives of ports but for the names of egress rules.
std::vector<Condition> TablePlanner::ports_of(const Rule& rule, const Pod& pod, Direction way) {
  std::vector<Condition> all;
  for (const Port& port : *rule.ports) {
    if (!port.readable) continue;
    const std::uint8_t protocol = port.protocol;
    if (!port.name.empty()) {
      if (way == Direction::ingress)
        for (const std::uint16_t number : named_ports(port, pod))
          all.push_back(
              {.kind = Kind::ports, .protocol = protocol, .first = number, .last = number});
    } else if (port.first == 0) {
      all.push_back({.kind = Kind::protocol, .protocol = protocol});
    } else {
      all.push_back(
          {.kind = Kind::ports, .protocol = protocol, .first = port.first, .last = port.last});
    }
  }
  return all;
}

void TablePlanner::add_rules(TableChain& chain, const Rule& rule, const NetworkPolicy& policy,
                             const Subject& subject) {
  const Direction way = subject.way;
  const auto add = [&](Conditions conditions) {
    if (std::ranges::find(chain.rules, conditions, &TableRule::conditions) != chain.rules.end())
      return;
    chain.rules.push_back({.conditions = std::move(conditions),
                           .verdict = Verdict::give_back,
                           .comment = comment_of(policy.text())});
  };
  const std::vector<Conditions> peers = peers_of(rule, policy, way);
  if (!rule.ports) {
    for (const Conditions& peer : peers) add(peer);
    return;
  }
  const std::vector<Condition> ports = ports_of(rule, subject.pod, way);
  for (const Conditions& peer : peers)
    for (const Condition& port : ports) {
      Conditions both = peer;
      both.push_back(port);
      add(std::move(both));
    }
  std::vector<Conditions> targets;
  if (way == Direction::egress)
    for (const Port& port : *rule.ports)
      if (port.readable && !port.name.empty()) add_named_egress(targets, rule, port, policy.ns);
  for (Conditions& target : targets) add(std::move(target));
}

std::string TablePlanner::add_chain(const LivePod& pod, Direction way,
                                    const std::vector<const NetworkPolicy*>& policies) {
  TableChain chain;
  // A reply that was not translated back would leave with the pod's own address.
  chain.rules.push_back({.conditions = {{.kind = Kind::invalid}}, .verdict = Verdict::drop});
  for (const int family : families_)
    chain.rules.push_back({.conditions = {in_set(Kind::pair_in, sets_.at("self" + digit(family)))},
                           .verdict = Verdict::give_back});
  // No pod owns a group, so a rule cannot mean the pods that are in it.
  if (way == Direction::egress)
    for (const int family : families_)
      for (const base::Prefix& group : groups_of(family))
        chain.rules.push_back(
            {.conditions = {{.kind = Kind::destination, .family = family, .block = group}},
             .verdict = Verdict::drop});
  const bool too_much = is_too_much(policies, *pod.pod, way);
  for (const NetworkPolicy* policy : policies) {
    chain.comment += (chain.comment.empty() ? "" : " ") + policy->text();
    if (too_much) continue;
    for (const Rule& rule : policy->rules(way)) add_rules(chain, rule, *policy, {*pod.pod, way});
  }
  chain.rules.push_back({.verdict = Verdict::go_to, .target = "refuse", .counts = true});
  std::string content = chain.comment;
  for (const TableRule& rule : chain.rules) content += "\n" + text_of(rule);
  chain.name = name_with(way == Direction::egress ? "e_" : "i_", content);
  chain.comment = comment_of(chain.comment);
  const auto [made, is_new] = chains_.try_emplace(chain.name, chain);
  if (is_new && too_much)
    problems_.push_back("the policies of pod " + pod.pod->ns + "/" + pod.pod->name +
                        " have more than " + std::to_string(kMostRules) + " rules or " +
                        std::to_string(kMostExceptions) +
                        " exceptions in one direction; they allow nothing");
  return made->first;
}

void TablePlanner::isolate(const LivePod& pod, Direction way) {
  const auto policies = cluster_.policies_of(*pod.pod, way);
  if (policies.empty()) return;
  std::string names;
  for (const PortName& each : pod.pod->port_names)
    names += json::quote(each.name) + std::to_string(each.protocol << 16 | each.port);
  std::string& chain = groups_[{way, policies, names}];
  if (chain.empty()) chain = add_chain(pod, way, policies);
  for (const base::IpAddress& address : pod.addresses) {
    const std::string end = digit(address.family());
    std::vector<Element>& pairs = sets_.at("self" + end).elements;
    if (std::ranges::find(pairs, address, &Element::address) == pairs.end())
      pairs.push_back({.address = address, .other = address});
    sets_.at((way == Direction::egress ? "out" : "in") + end)
        .elements.push_back({.address = address, .chain = chain});
  }
}

/// The packets that no policy is asked for.
std::vector<TableRule> TablePlanner::shortcuts() const {
  const auto messages = [](const Condition& condition, std::uint16_t first, std::uint16_t last) {
    return TableRule{
        .conditions = {condition, {.kind = Kind::icmp6_types, .first = first, .last = last}}};
  };
  // No router forwards these two, so that such a type in another packet passes nothing on.
  const Condition to_group = {
      .kind = Kind::destination, .family = AF_INET6, .block = groups_of(AF_INET6).front()};
  const Condition from_link = {.kind = Kind::hop_limit, .family = AF_INET6, .first = 255};
  return {{.conditions = {{.kind = Kind::marked_denied}},
           .verdict = Verdict::go_to,
           .target = "refuse"},
          // Only replies: the first direction is asked for each packet, so that a policy also ends
          // connections that run.
          {.conditions = {{.kind = Kind::reply}}},
          // Not what a helper expects, such as the data of FTP.
          {.conditions = {{.kind = Kind::related, .family = AF_INET}}},
          {.conditions = {{.kind = Kind::related, .family = AF_INET6}}},
          messages(to_group, 130, 132),
          messages(from_link, 133, 137),
          messages(to_group, 143, 143)};
}

TableChain TablePlanner::forward() const {
  TableChain chain{.name = "forward", .hook = TableChain::Hook::forward, .rules = shortcuts()};
  for (const auto& [side, verdict] :
       {std::pair{"out", Verdict::source_map}, {"in", Verdict::destination_map}})
    for (const int family : families_)
      chain.rules.push_back({.verdict = verdict, .family = family, .target = side + digit(family)});
  for (const int family : families_) {
    const auto range = sets_.find("range" + digit(family));
    if (range == sets_.end()) continue;
    const TableSet& known = sets_.at("known" + digit(family));
    for (const Kind side : {Kind::source_in, Kind::destination_in})
      chain.rules.push_back({.conditions = {in_set(side, known, true), in_set(side, range->second)},
                             .verdict = Verdict::drop});
  }
  return chain;
}

/// Sends what another host sent to a local pod through this node's own stack, as IPVS does, through
/// the policies. The node's own packets reach its pods.
TableChain TablePlanner::output() const {
  TableChain chain{.name = "output", .hook = TableChain::Hook::output, .rules = shortcuts()};
  for (const int family : families_)
    chain.rules.push_back(
        {.conditions = {in_set(Kind::destination_in, sets_.at("known" + digit(family))),
                        {.kind = Kind::source_is_foreign}},
         .verdict = Verdict::destination_map,
         .family = family,
         .target = "in" + digit(family)});
  return chain;
}

PolicyTable TablePlanner::make() {
  add_base_sets();
  for (const LivePod& pod : cluster_.pods()) {
    if (pod.pod->node != place_.node) continue;
    for (const base::IpAddress& address : pod.addresses)
      sets_.at("known" + digit(address.family())).elements.push_back({.address = address});
    isolate(pod, Direction::egress);
    isolate(pod, Direction::ingress);
  }
  TableChain base_chains[] = {forward(), output()};
  for (TableChain& chain : base_chains) seal(chain);
  PolicyTable table;
  for (auto& [name, set] : sets_) {
    std::ranges::sort(set.elements);
    table.sets.push_back(std::move(set));
  }
  const TableRule reset{.conditions = {{.kind = Kind::protocol, .protocol = 6}},
                        .verdict = Verdict::reset};
  table.chains.push_back({.name = "refuse", .rules = {reset, {.verdict = Verdict::reject}}});
  for (auto& [name, chain] : chains_) table.chains.push_back(std::move(chain));
  for (TableChain& chain : base_chains) table.chains.push_back(std::move(chain));
  table.problems = std::move(problems_);
  return table;
}

}  // namespace

PolicyTable make_table(const Objects& objects, const Place& place) {
  return TablePlanner(objects, place).make();
}

}  // namespace agent::policy
