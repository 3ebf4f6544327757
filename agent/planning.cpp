// SPDX-License-Identifier: Apache-2.0
#include "agent/planning.h"

#include <algorithm>
#include <utility>

#include "agent/self.h"
#include "libcni/fabric/apply.h"
#include "libcni/spec/error.h"

namespace agent {

fabric::Node Planning::find_self(const Snapshot& snapshot) const {
  std::vector<base::IpAddress> local;
  if (needs_local_addresses(config_, snapshot))
    local = find_own_addresses(netlink_, config_.parent);
  return make_self(config_, snapshot, local);
}

fabric::Underlay Planning::find_underlay(const fabric::Options& options,
                                         const fabric::Node& self) const {
  const int family = underlay_family(options, self);
  const auto address = self.address_of(family);
  if (!address)
    throw cni::Error(cni::Code::invalid_config, "node \"" + self.name + "\" has no " +
                                                    (family == AF_INET ? "IPv4" : "IPv6") +
                                                    " address; set \"addresses\" or \"interface\"");
  return fabric::find_underlay(netlink_, *address);
}

Admission Planning::admit_all(const Snapshot& snapshot, const State& next) const {
  const fabric::Node& self = next.self;
  std::vector<fabric::Node> nodes;
  nodes.reserve(snapshot.nodes.size() + 1);
  nodes = snapshot.nodes;
  const auto place = std::ranges::lower_bound(nodes, self.name, {}, &fabric::Node::name);
  if (place != nodes.end() && place->name == self.name)
    *place = self;
  else
    nodes.insert(place, self);
  return admit(
      std::move(nodes), applied(),
      {.cluster_ranges = next.options.cluster_ranges, .node_subnets = next.underlay.subnets});
}

void Planning::run(const Snapshot& snapshot, bool stale) {
  State next{.self = find_self(snapshot),
             .options = with_defaults(config_.fabric, snapshot.network),
             .stale = stale};
  next.underlay = find_underlay(next.options, next.self);
  Admission admission = admit_all(snapshot, next);
  source_problems_ = snapshot.problems;
  left_out_ = std::move(admission.problems);
  if (!std::ranges::binary_search(admission.nodes, next.self.name, {}, &fabric::Node::name)) {
    const auto why = std::ranges::find_if(left_out_, [&](const std::string& line) {
      return line.starts_with("node \"" + next.self.name + "\"");
    });
    throw cni::Error(cni::Code::invalid_config,
                     "this " + (why == left_out_.end() ? "node is left out" : *why));
  }
  const bool believed = valve_.passes(applied(), admission.nodes, SafetyValve::Clock::now());
  next.cluster.nodes = believed ? std::move(admission.nodes) : applied();
  // A list that is doubted says nothing about this node either.
  const auto known =
      std::ranges::lower_bound(next.cluster.nodes, next.self.name, {}, &fabric::Node::name);
  if (!believed && known != next.cluster.nodes.end() && known->name == next.self.name) {
    next.self = *known;
    next.underlay = find_underlay(next.options, next.self);
  }
  next.cluster.services = snapshot.services;
  next.cluster.network = snapshot.network;
  if (plan_ && next == state_) return;
  NodePlan plan = make_plan(next);
  if (plan_) before_ = std::move(plan_->kernel);
  plan_ = std::move(plan);
  state_ = std::move(next);
  remembered_.clear();
  remembered_.shrink_to_fit();
}

std::vector<std::string> Planning::problems() const {
  std::vector<std::string> all = source_problems_;
  all.insert(all.end(), left_out_.begin(), left_out_.end());
  if (plan_) all.insert(all.end(), plan_->kernel.problems.begin(), plan_->kernel.problems.end());
  if (!valve_.problem().empty()) all.push_back(valve_.problem());
  return all;
}

}  // namespace agent
