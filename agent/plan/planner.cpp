// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/planner.h"

#include <algorithm>
#include <utility>

#include "agent/plan/self.h"
#include "libcni/fabric/apply.h"
#include "libcni/fabric/ways.h"
#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace agent {
fabric::Node Planner::find_self(const Snapshot& snapshot) const {
  std::vector<base::IpAddress> local;
  if (needs_local_addresses(config_, snapshot))
    local = find_own_addresses(netlink_, config_.parent, snapshot.nodes);
  fabric::Node self = make_self(config_, snapshot, local);
  using SourceKind = Config::SourceKind;
  if (config_.source == SourceKind::kubernetes && config_.kubernetes.is_flannels())
    choose_macs(self, snapshot.nodes);
  const fabric::Options options = with_defaults(config_.fabric, snapshot.network);
  if (options.flannel && config_.source != SourceKind::file)
    take_macs_of_flannel(netlink_, options.vni, self);
  self.former_ranges = former_.granted(self.ranges);
  return self;
}

fabric::Underlay Planner::find_underlay(const fabric::Options& options,
                                        const fabric::Node& self) const {
  const int family = underlay_family(options, self);
  const auto address = self.address_of(family);
  const std::string_view which = self.addresses.empty() ? ""
                                 : family == AF_INET    ? "IPv4 "
                                                        : "IPv6 ";
  if (!address)
    throw cni::Error(cni::Code::invalid_config, "node " + json::quote(self.name) + " has no " +
                                                    std::string(which) +
                                                    "address; set \"addresses\" or \"interface\"");
  return fabric::find_underlay(netlink_, *address);
}

/// The MTU of the way to the other nodes, whichever link has this node's address.
void Planner::find_mtu(State& next) const {
  const int family = underlay_family(next.options, next.self);
  if (const auto mtu = fabric::find_mtu_to(netlink_, next.cluster.nodes, family))
    next.underlay.mtu = *mtu;
  if (const auto most = next.cluster.network.underlay_mtu)
    next.underlay.mtu = std::min(next.underlay.mtu, *most);
}

Admission Planner::admit_all(const Snapshot& snapshot, const State& next) const {
  const fabric::Node& self = next.self;
  std::vector<fabric::Node> nodes;
  nodes.reserve(snapshot.nodes.size() + 1);
  nodes = snapshot.nodes;
  const auto place = std::ranges::lower_bound(nodes, self.name, {}, &fabric::Node::name);
  if (place != nodes.end() && place->name == self.name)
    *place = self;
  else
    nodes.insert(place, self);
  AdmitRules rules{.cluster_ranges = next.options.cluster_ranges,
                   .node_subnets = next.underlay.subnets,
                   .self = self.name};
  // A nodes file does not say which of two nodes is older. The operator alone writes it, so that a
  // slip in a line must not cut off a node that is in use.
  if (config_.source == Config::SourceKind::file) rules.before = applied();
  return admit(std::move(nodes), rules);
}

Admission Planner::admit_with_former(const Snapshot& snapshot, State& next) {
  former_.look(netlink_, next.self.ranges);
  next.self.former_ranges = former_.wanted();
  return admit_all(snapshot, next);
}

/// Returns whether the source has taken all ranges from this node: such a list is held back at
/// first.
bool Planner::loses_ranges(const State& next) const {
  return next.self.ranges.empty() && (!plan_ || state_.former.size() < state_.self.ranges.size());
}

/// The ranges of `self` that are not for new pods.
std::vector<base::Prefix> Planner::former_of(const fabric::Node& self) const {
  std::vector<base::Prefix> former = former_.wanted();
  std::erase_if(former, [&](const base::Prefix& range) {
    return std::ranges::find(self.ranges, range) == self.ranges.end();
  });
  return former;
}

void Planner::run(const Snapshot& snapshot, bool stale) {
  State next{.self = find_self(snapshot),
             .options = with_defaults(config_.fabric, snapshot.network),
             .stale = stale};
  next.underlay = find_underlay(next.options, next.self);
  const bool sudden = loses_ranges(next);
  Admission admission = sudden ? admit_all(snapshot, next) : admit_with_former(snapshot, next);
  source_problems_ = snapshot.problems;
  left_out_ = std::move(admission.problems);
  if (!std::ranges::binary_search(admission.nodes, next.self.name, {}, &fabric::Node::name)) {
    const auto why = std::ranges::find_if(left_out_, [&](const std::string& line) {
      return line.starts_with("node " + json::quote(next.self.name));
    });
    throw cni::Error(cni::Code::invalid_config,
                     "this " + (why == left_out_.end() ? "node is left out" : *why));
  }
  const bool accepted = valve_.passes(applied(), admission.nodes, SafetyValve::Clock::now());
  if (sudden && accepted) admission = admit_with_former(snapshot, next);
  if (accepted)
    next.cluster.nodes = std::move(admission.nodes);
  else
    next.cluster.nodes = applied();
  // The admitted record has the former ranges that it may keep. A list that is held back does not
  // change this node either.
  const auto known =
      std::ranges::lower_bound(next.cluster.nodes, next.self.name, {}, &fabric::Node::name);
  if (known != next.cluster.nodes.end() && known->name == next.self.name) next.self = *known;
  if (!accepted) next.underlay = find_underlay(next.options, next.self);
  next.former = accepted ? former_of(next.self) : state_.former;
  next.cluster.services = snapshot.services;
  next.cluster.network = snapshot.network;
  find_mtu(next);
  if (plan_ && next == state_) return;
  NodePlan plan = make_plan(next);
  if (plan_) before_ = std::move(plan_->kernel);
  plan_ = std::move(plan);
  former_.serve(next.self.ranges);
  state_ = std::move(next);
  remembered_.clear();
  remembered_.shrink_to_fit();
}

std::vector<std::string> Planner::problems() const {
  std::vector<std::string> all = source_problems_;
  all.insert(all.end(), left_out_.begin(), left_out_.end());
  if (plan_) all.insert(all.end(), plan_->kernel.problems.begin(), plan_->kernel.problems.end());
  if (!valve_.problem().empty()) all.push_back(valve_.problem());
  if (!former_.problem().empty()) all.push_back(former_.problem());
  return all;
}

}  // namespace agent
