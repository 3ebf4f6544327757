// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/node_plan.h"

#include <algorithm>
#include <stdexcept>

#include "agent/source/json_text.h"

namespace agent {
namespace {

nodes::NodeFile make_file(const State& state, const fabric::Desired& kernel) {
  const int family = underlay_family(state.options, state.self);
  int mtu = fabric::pod_mtu(state.options, state.underlay, family);
  for (const fabric::Overlay& overlay : kernel.overlays) mtu = std::min(mtu, overlay.device.mtu);
  return {
      .name = state.self.name,
      .network = state.options.cluster_ranges,
      .ranges = state.self.ranges,
      .former = state.former,
      .mtu = mtu,
      .backend = std::string(fabric::word_of(state.self.backend.value_or(state.options.backend))),
      .ip_masq = false,
      .stale = state.stale};
}

}  // namespace

int underlay_family(const fabric::Options& options, const fabric::Node& self) {
  if (options.underlay_family != 0) return options.underlay_family;
  return self.address_of(AF_INET) ? AF_INET : AF_INET6;
}

NodePlan make_plan(const State& state) {
  NodePlan plan;
  plan.kernel = fabric::plan(state.self, state.cluster.nodes, state.options, state.underlay);
  plan.kernel.complete = !state.stale;
  plan.file = make_file(state, plan.kernel);
  return plan;
}

std::string print_plan(const NodePlan& plan) {
  json::Writer out(2);
  out.open('{');
  out.open("overlays", '[');
  for (const fabric::Overlay& overlay : plan.kernel.overlays) print_overlay(out, overlay);
  out.close();
  out.open("routes", '[');
  for (const fabric::FabricRoute& route : plan.kernel.routes) print_route(out, route);
  out.close();
  if (plan.kernel.traffic) print_traffic(out, *plan.kernel.traffic);
  print_texts(out, "problems", plan.kernel.problems);
  out.raw_member("nodeJson", nodes::print_node_json(plan.file));
  out.close();
  return out.text() + '\n';
}

}  // namespace agent
