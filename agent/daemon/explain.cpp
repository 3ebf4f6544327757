// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/explain.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "agent/drivers/bridged_services.h"
#include "agent/obstacles/forward_drops.h"
#include "agent/source/json_text.h"
#include "libcni/fabric/forward.h"
#include "libcni/fabric/shadows.h"
#include "libcni/fabric/traffic_sets.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace agent {
namespace {

using What = fabric::Change::What;

/// A step on a packet's path.
struct Step {
  std::string text;
  /// The beginning of fabric::Change::object for this step; empty for a step outside the kernel.
  std::string object = {};
  Severity severity = Severity::healthy;  ///< of a step outside the kernel
};

const base::Prefix* range_of(const fabric::Node& node, const base::IpAddress& address) {
  const auto found = std::ranges::find_if(
      node.ranges, [&](const base::Prefix& range) { return range.contains(address); });
  return found == node.ranges.end() ? nullptr : &*found;
}

const fabric::FabricRoute* route_to(const base::Prefix& range, const fabric::Desired& kernel) {
  const auto found = std::ranges::find(kernel.routes, range, &fabric::FabricRoute::dst);
  return found == kernel.routes.end() ? nullptr : &*found;
}

const fabric::Overlay* overlay_of(const std::string& device, const fabric::Desired& kernel) {
  const auto found = std::ranges::find_if(kernel.overlays, [&](const fabric::Overlay& overlay) {
    return overlay.device.name == device;
  });
  return found == kernel.overlays.end() ? nullptr : &*found;
}

const char* word_of(What what) {
  return what == What::add ? "add" : what == What::replace ? "replace" : "remove";
}

/// The tunnel's steps behind a route: neighbour, FDB entry, outer packet, and the way back.
void explain_tunnel(const fabric::FabricRoute& route, const fabric::Overlay& overlay,
                    std::vector<Step>& steps) {
  const fabric::VxlanDevice& device = overlay.device;
  if (!route.gateway) return;
  const auto neighbor =
      std::ranges::find(overlay.neighbors, *route.gateway, &fabric::NeighborEntry::address);
  if (neighbor == overlay.neighbors.end()) return;
  const std::string mac = neighbor->mac.text();
  const std::string at = neighbor->address.text();
  steps.push_back({"device     " + device.name, "device " + device.name});
  steps.push_back(
      {"neighbour  " + at + " lladdr " + mac + " dev " + device.name, "neighbour " + at});
  const auto entry = std::ranges::find(overlay.fdb, neighbor->mac, &fabric::FdbEntry::mac);
  if (entry == overlay.fdb.end()) return;
  const std::string remote = entry->remote.text();
  steps.push_back({"FDB        " + mac + " dst " + remote + " dev " + device.name,
                   "fdb " + mac + " dev " + device.name});
  steps.push_back({"outer      UDP " + std::to_string(device.port) + ", VNI " +
                   std::to_string(device.vni) + ", " + device.local.text() + " to " + remote +
                   ", MTU inside " + std::to_string(device.mtu)});
  const std::string set = entry->remote.is_v4() ? "vteps4" : "vteps6";
  steps.push_back({"answers    of " + remote + " are let in (nft set " + set + ")",
                   "element " + remote + " of set " + set});
  const std::string sources =
      fabric::set_name({entry->remote.family(), route.dst.address.family(), route.dst.length});
  steps.push_back({"answers    from " + route.dst.text() + " inside (nft set " + sources + ")",
                   "element " + remote + " . " + route.dst.address.text() + " of set " + sources});
}

std::string text_of(const fabric::FabricRoute& route) {
  std::string text = (route.blackhole ? "blackhole " : "") + route.dst.text();
  if (route.gateway) text += " via " + route.gateway->text();
  if (!route.device.empty()) text += " dev " + route.device;
  return text + (route.onlink ? " onlink" : "");
}

/// The route to the node that has `address` in a range, unless BIRD may have a better one.
const fabric::FabricRoute* planned_to(const base::IpAddress& address,
                                      const fabric::Desired& kernel) {
  const auto found = std::ranges::find_if(kernel.routes, [&](const fabric::FabricRoute& route) {
    return !route.blackhole && route.metric != fabric::kFallbackMetric &&
           route.dst.contains(address);
  });
  return found == kernel.routes.end() ? nullptr : &*found;
}

/// The steps to pods of `node`.
std::vector<Step> steps_to(const base::Prefix& range, const NodePlan& plan) {
  std::vector<Step> steps;
  const fabric::FabricRoute* route = route_to(range, plan.kernel);
  if (route == nullptr) return steps;
  steps.push_back({"route      " + text_of(*route),
                   (route->blackhole ? "blackhole " : "route ") + route->dst.text()});
  if (const auto* overlay = overlay_of(route->device, plan.kernel))
    explain_tunnel(*route, *overlay, steps);
  steps.push_back({"rules      of this node's pods (nft table inet plumb)", "table inet plumb"});
  return steps;
}

std::vector<Step> steps_to(const base::IpAddress& address, const NodePlan& plan,
                           const State& state) {
  for (const fabric::Node& node : state.cluster.nodes) {
    if (std::ranges::find(node.addresses, address) != node.addresses.end())
      return {{address.text() + " is node " + json::quote(node.name) +
               " itself: reached without plumbd"}};
    const base::Prefix* range = range_of(node, address);
    if (range == nullptr) continue;
    std::vector<Step> steps = steps_to(*range, plan);
    steps.insert(steps.begin(),
                 {address.text() + " is in " + range->text() + ", pods of node " +
                  json::quote(node.name) + ", reached by: " + reached_by(node, plan, state)});
    return steps;
  }
  if (base::any_contains(plan.file.network, address))
    return {{.text = address.text() + " is in the cluster network, but no node has its range",
             .severity = Severity::not_working}};
  return {{address.text() + " is outside the cluster: pods are masqueraded towards it"}};
}

/// Collects the lines of an explanation.
class Explainer {
 public:
  Explainer(const fabric::Report& report, net::Netlink& netlink)
      : differences_(report), netlink_(netlink) {}

  void add(const std::string& line, Severity severity = Severity::healthy) {
    result_.text += line + "\n";
    result_.severity = std::max(result_.severity, severity);
  }

  void add(const Step& step) {
    if (step.object.empty()) return add(step.text, step.severity);
    const auto what = differences_.find(step.object);
    const bool shadowed = !shadows_.empty() && step.object.starts_with("route ");
    if (!what && shadowed) return add(step.text + ": is there, but SHADOWED", Severity::degraded);
    if (!what) return add(step.text + ": ok");
    add(step.text + (*what == What::add ? ": MISSING in the kernel" : ": DIFFERENT in the kernel"),
        Severity::degraded);
  }

  /// Finds the routes of other programs that packets to `address` take, for the following lines.
  void find_shadows(const base::IpAddress& address, const fabric::Desired& kernel) {
    shadows_ = fabric::find_shadows(netlink_, kernel);
    std::erase_if(shadows_,
                  [&](const fabric::Shadow& shadow) { return !shadow.by.dst.contains(address); });
  }

  void add_shadows() {
    for (const fabric::Shadow& shadow : shadows_)
      add("shadowed   by " + fabric::text_of(shadow), Severity::degraded);
  }

  void add_way(const base::IpAddress& address, const fabric::FabricRoute* planned) {
    const auto way = net::find_way(netlink_, address);
    const auto link = way ? net::find_link(netlink_, way->oif) : std::nullopt;
    if (!link)
      return add(
          "kernel     has no route to it: see plumbd status, and ip route get " + address.text(),
          Severity::not_working);
    const std::string sent = "kernel     sends it by " + link->name +
                             (way->gateway ? " to next hop " + way->gateway->text() : "");
    if (planned == nullptr || (link->name == planned->device && way->gateway == planned->gateway))
      return add(sent);
    add(sent +
            ", NOT by the planned route, which is missing, or comes after another route or a rule "
            "(ip "
            "rule)",
        Severity::degraded);
  }

  void add_drops(const std::optional<fabric::Traffic>& traffic) try {
    nft::Nft nft;
    for (const fabric::ForwardDrop& drop : fabric::find_forward_drops(nft, traffic))
      add("forwarding " + agent::text_of(drop), Severity::degraded);
  } catch (const std::system_error& error) {
    add(std::string("forwarding cannot be checked: ") + error.what(), Severity::cannot_tell);
  }

  void add_blind_bridges(std::span<const base::Prefix> ranges) try {
    KubeProxy kube_proxy;
    for (const BlindBridge& bridge : find_blind_bridges(netlink_, kube_proxy, ranges))
      add("bridging   " + agent::text_of(bridge), Severity::degraded);
  } catch (const std::system_error& error) {
    add(std::string("bridging   cannot be checked: ") + error.what(), Severity::cannot_tell);
  }

  Explanation take() { return std::move(result_); }

 private:
  Differences differences_;
  net::Netlink& netlink_;
  std::vector<fabric::Shadow> shadows_;
  Explanation result_;
};

}  // namespace

std::string reached_by(const fabric::Node& node, const NodePlan& plan, const State& state) {
  if (node.name == state.self.name) return "this node";
  for (const base::Prefix& range : node.ranges) {
    const fabric::FabricRoute* route = route_to(range, plan.kernel);
    if (route == nullptr) continue;
    const auto* overlay = overlay_of(route->device, plan.kernel);
    if (overlay != nullptr) {
      const int family = overlay->device.local.family();
      return "vxlan to " + node.address_of(family).value_or(node.addresses.at(0)).text();
    }
    return "route via " + (route->gateway ? route->gateway->text() : route->device);
  }
  return plan.file.backend == "bgp" ? "bgp" : node.ranges.empty() ? "no pods" : "no route";
}

Differences::Differences(const fabric::Report& report) : changes_(report.changes) {
  std::ranges::stable_sort(changes_, {}, &fabric::Change::object);
  // A table that differs is made anew, with its sets.
  const auto table = std::ranges::find_if(
      changes_, [](const fabric::Change& change) { return change.object.starts_with("table "); });
  if (table != changes_.end()) table_ = table->what;
}

std::optional<What> Differences::find(const std::string& object) const {
  for (const std::string& start : {object, object + " "}) {
    const auto at = std::ranges::lower_bound(changes_, start, {}, &fabric::Change::object);
    if (at != changes_.end() && (at->object == object || at->object.starts_with(object + " ")))
      return at->what;
  }
  return object.starts_with("element ") ? table_ : std::nullopt;
}

std::vector<std::string> missing_to(const fabric::Node& node, const NodePlan& plan,
                                    const Differences& differences) {
  std::vector<std::string> missing;
  for (const base::Prefix& range : node.ranges)
    for (const Step& step : steps_to(range, plan))
      if (!step.object.empty() && differences.find(step.object)) missing.push_back(step.object);
  return missing;
}

Explanation explain(std::span<const base::IpAddress> addresses, const NodePlan& plan,
                    const State& state, net::Netlink& netlink) {
  const fabric::Report report = fabric::diff(netlink, plan.kernel);
  Explainer explainer(report, netlink);
  for (const base::IpAddress& address : addresses) {
    explainer.find_shadows(address, plan.kernel);
    for (const Step& step : steps_to(address, plan, state)) explainer.add(step);
    explainer.add_shadows();
    explainer.add_way(address, planned_to(address, plan.kernel));
  }
  explainer.add_drops(plan.kernel.traffic);
  explainer.add_blind_bridges(state.self.ranges);
  for (const std::string& error : report.errors)
    explainer.add("kernel     " + error, Severity::cannot_tell);
  if (!report.changes.empty())
    explainer.add(std::to_string(report.changes.size()) +
                      " objects of the node differ from the plan; see plumbd diff",
                  Severity::degraded);
  return explainer.take();
}

std::string print_explanation(const Explanation& explanation) {
  json::Writer out(2);
  out.open('{');
  out.member("health", word_of(explanation.severity));
  out.member("text", explanation.text);
  out.close();
  return out.text() + '\n';
}

std::string print_diff(const fabric::Report& report, const std::vector<std::string>& shadowed) {
  json::Writer out(2);
  out.open('{');
  out.open("changes", '[');
  for (const fabric::Change& change : report.changes) {
    out.open('{');
    out.member("what", word_of(change.what));
    out.member("object", change.object);
    out.close();
  }
  out.close();
  print_texts(out, "shadowed", shadowed);
  print_texts(out, "errors", report.errors);
  out.member("desired", std::uint64_t{report.desired});
  out.close();
  return out.text() + '\n';
}

}  // namespace agent
