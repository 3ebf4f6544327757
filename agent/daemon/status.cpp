// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "agent/config/version.h"
#include "agent/daemon/explain.h"
#include "agent/daemon/view.h"
#include "agent/source/json_text.h"
#include "libcni/base/file.h"
#include "libcni/fabric/apply.h"
#include "libcni/fabric/shadows.h"

namespace agent {
namespace {

void put(json::Writer& out, std::string_view key, bool value) {
  out.raw_member(key, value ? "true" : "false");
}

std::string decimal(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

std::string_view word_of(Config::SourceKind kind) {
  using Kind = Config::SourceKind;
  return kind == Kind::file ? "file" : kind == Kind::etcd ? "etcd" : "kubernetes";
}

void put_source(json::Writer& out, const View& view) {
  const SourceStatus status = view.source.status();
  out.open("source", '{');
  out.member("kind", word_of(view.config.source));
  put(out, "inSync", status.in_sync);
  out.member("state", status.state);
  out.member("relists", status.relists);
  out.member("watchRestarts", status.watch_restarts);
  out.member("parsedBytes", status.parsed_bytes);
  out.member("errors", status.errors);
  out.close();
}

void put_driver(json::Writer& out, const DriverStatus& driver) {
  out.open('{');
  out.member("name", driver.name);
  out.member("runs", driver.runs);
  out.member("errors", driver.errors);
  out.member("writes", driver.writes);
  out.member("desired", std::uint64_t{driver.desired});
  out.raw_member("seconds", decimal(driver.duration.count()));
  if (driver.done_once) {
    const std::chrono::duration<double> ago = Loop::Clock::now() - driver.last_success;
    out.raw_member("lastSuccessSecondsAgo", decimal(ago.count()));
  }
  if (!driver.problem.empty()) out.member("problem", driver.problem);
  out.close();
}

void put_peer(json::Writer& out, const bird::PeerStatus& peer) {
  out.open('{');
  out.member("session", peer.session);
  out.member("peer", peer.peer);
  out.member("address", peer.address.text());
  out.member("asNumber", std::uint64_t{peer.as_number});
  out.member("state", peer.state);
  out.member("since", peer.since);
  out.member("imported", peer.imported);
  out.member("exported", peer.exported);
  if (!peer.error.empty()) out.member("error", peer.error);
  out.close();
}

void put_bgp(json::Writer& out, const bird::Status& bgp, const std::vector<std::string>& notes) {
  out.open("bgp", '{');
  put(out, "running", bgp.running);
  put(out, "current", bgp.current);
  out.member("state", bgp.state);
  out.member("reconfigurations", bgp.reconfigurations);
  out.member("refusals", bgp.refusals);
  out.member("undone", bgp.undone);
  out.open("peers", '[');
  for (const bird::PeerStatus& peer : bgp.peers) put_peer(out, peer);
  out.close();
  print_texts(out, "notes", notes);
  out.close();
}

void put_self(json::Writer& out, const View& view) {
  const State& state = view.planner.state();
  out.open("underlay", '{');
  out.member("parent", state.underlay.parent);
  out.member("mtu", std::int64_t{state.underlay.mtu});
  print_addresses(out, "addresses", state.self.addresses);
  out.close();
  print_ranges(out, "ranges", state.self.ranges);
  out.open("formerRanges", '[');
  for (const FormerRanges::Former& former : view.planner.former().all()) {
    out.open('{');
    out.member("range", former.range.text());
    out.member("pods", std::uint64_t{former.pods});
    put(out, "served", former.granted);
    out.close();
  }
  out.close();
  out.member("podMtu", std::int64_t{view.planner.plan()->file.mtu});
  out.member("nodes", std::uint64_t{state.cluster.nodes.size()});
  put(out, "stale", state.stale);
}

}  // namespace

std::size_t resident_bytes() {
  const std::string text = base::read_file("/proc/self/statm");
  const auto space = text.find(' ');
  return std::stoul(text.substr(space + 1)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string print_status(const View& view) {
  json::Writer out(2);
  out.open('{');
  out.member("version", kVersion);
  out.member("pid", std::int64_t{::getpid()});
  out.member("node", view.config.node_name);
  out.member("backend", fabric::word_of(view.config.fabric.backend));
  print_health(out, view.health);
  out.member("uptimeSeconds", std::int64_t{view.uptime.count()});
  out.member("residentBytes", std::uint64_t{resident_bytes()});
  if (view.planner.plan()) put_self(out, view);
  put_source(out, view);
  out.open("drivers", '[');
  for (const DriverStatus& driver : view.reconciler.status()) put_driver(out, driver);
  out.close();
  if (view.speaker.speaking()) put_bgp(out, view.speaker.status(), view.speaker.notes());
  out.close();
  return out.text() + '\n';
}

std::string print_nodes(const View& view) {
  json::Writer out(2);
  out.open('{');
  out.open("nodes", '[');
  std::vector<std::string> unread;
  if (view.planner.plan()) {
    const State& state = view.planner.state();
    const NodePlan& plan = *view.planner.plan();
    const fabric::Report report = fabric::diff(view.netlink, plan.kernel);
    const Differences differences(report);
    const auto shadows = fabric::find_shadows(view.netlink, plan.kernel);
    for (const fabric::Node& node : state.cluster.nodes) {
      out.open('{');
      out.member("name", node.name);
      print_addresses(out, "addresses", node.addresses);
      print_ranges(out, "ranges", node.ranges);
      out.member("reachedBy", reached_by(node, plan, state));
      auto missing =
          report.changes.empty() ? std::vector<std::string>() : missing_to(node, plan, differences);
      for (const fabric::Shadow& shadow : shadows)
        if (base::any_contains(node.ranges, shadow.range))
          missing.push_back("shadowed: " + fabric::text_of(shadow));
      print_texts(out, "missing", missing);
      out.close();
    }
    unread = report.errors;
  }
  out.close();
  print_texts(out, "unread", unread);
  out.close();
  return out.text() + '\n';
}

}  // namespace agent
