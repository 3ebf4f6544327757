// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "agent/config/version.h"
#include "agent/daemon/metrics_text.h"
#include "agent/daemon/view.h"
#include "libcni/base/file.h"
#include "libcni/net/neighbor.h"

namespace agent {
namespace {

using Labels = MetricLabels;

void add_drivers(MetricsText& out, const std::vector<DriverStatus>& drivers) {
  const auto each = [&](const auto& add) {
    for (const DriverStatus& driver : drivers) add(driver, Labels{{"driver", driver.name}});
  };
  each([&](const DriverStatus& d, const Labels& l) {
    out.counter("reconcile_runs_total", "Runs of a driver.", static_cast<double>(d.runs), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.counter("reconcile_errors_total", "Runs that left something undone.",
                static_cast<double>(d.errors), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.counter("reconcile_writes_total", "Objects added, replaced or removed.",
                static_cast<double>(d.writes), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.gauge("reconcile_failing", "1 while the last run left something undone.",
              d.problem.empty() ? 0 : 1, l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.gauge("reconcile_duration_seconds", "Of the last run.", d.duration.count(), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    const std::chrono::duration<double> age = Loop::Clock::now() - d.last_success;
    if (d.done_once)
      out.gauge("reconcile_last_success_age_seconds", "Since a run that left nothing undone.",
                age.count(), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.gauge("desired_objects", "Objects that a driver keeps.", static_cast<double>(d.desired), l);
  });
}

void add_source(MetricsText& out, const SourceStatus& source) {
  out.gauge("source_in_sync",
            "1 while the source is complete and followed; 0 while its file is missing or broken.",
            source.in_sync ? 1 : 0);
  out.counter("source_relists_total", "Complete lists read.", static_cast<double>(source.relists));
  out.counter("source_watch_restarts_total", "Watches begun anew.",
              static_cast<double>(source.watch_restarts));
  out.counter("source_parsed_bytes_total", "Bytes read.", static_cast<double>(source.parsed_bytes));
  out.counter("source_errors_total", "Failures, each of them retried.",
              static_cast<double>(source.errors));
  const std::chrono::duration<double> silence = Loop::Clock::now() - source.last_word;
  if (source.last_word != Loop::Clock::time_point{})
    out.gauge("source_silence_seconds", "Since anything came from the source.", silence.count());
}

void add_bgp(MetricsText& out, const bird::Status& bgp) {
  out.gauge("bird_running", "1 while BIRD answers.", bgp.running ? 1 : 0);
  out.counter("bird_reconfigurations_total", "Configurations that BIRD works by.",
              static_cast<double>(bgp.reconfigurations));
  out.counter("bird_refusals_total", "Configurations that BIRD did not accept.",
              static_cast<double>(bgp.refusals));
  out.counter("bird_undone_total", "Configurations taken back: too few sessions returned.",
              static_cast<double>(bgp.undone));
  const auto labels = [](const bird::PeerStatus& peer, Labels more) {
    more.push_back({"peer", peer.peer});
    more.push_back({"address", peer.address.text()});
    return more;
  };
  for (const bird::PeerStatus& peer : bgp.peers)
    out.gauge("bgp_peer_up", "1 while the session is established.", peer.up() ? 1 : 0,
              labels(peer, {}));
  for (const bird::PeerStatus& peer : bgp.peers) {
    out.gauge("bgp_peer_routes", "Routes in a session.", static_cast<double>(peer.imported),
              labels(peer, {{"direction", "imported"}}));
    out.gauge("bgp_peer_routes", "", static_cast<double>(peer.exported),
              labels(peer, {{"direction", "exported"}}));
  }
}

void add_neighbor_tables(MetricsText& out, net::Netlink& netlink) {
  const std::vector<net::NeighborTable> tables = net::list_neighbor_tables(netlink);
  const auto family_of = [](const net::NeighborTable& table) {
    return Labels{{"family", table.family == AF_INET ? "ipv4" : "ipv6"}};
  };
  for (const net::NeighborTable& table : tables)
    out.gauge("neighbor_table_entries", "Neighbours that the kernel knows, permanent ones too.",
              table.entries, family_of(table));
  for (const net::NeighborTable& table : tables)
    out.gauge("neighbor_table_limit", "Above it the kernel refuses neighbours that it learns.",
              table.limit, family_of(table));
}

/// Packets that a device dropped, from /proc/net/dev: `  name: bytes packets errs drop ...`, eight
/// columns for each direction.
void add_drops(MetricsText& out, const std::string& device) {
  std::istringstream text(base::find_file("/proc/self/net/dev").value_or(""));
  for (std::string line; std::getline(text, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name != device + ":") continue;
    std::array<double, 16> column{};
    for (double& value : column) words >> value;
    out.counter("device_drops_total", "Packets that the tunnel dropped.", column[3],
                {{"device", device}, {"direction", "in"}});
    out.counter("device_drops_total", "", column[11], {{"device", device}, {"direction", "out"}});
  }
}

}  // namespace

void add_health(MetricsText& out, const Health& health) {
  const auto holds = [&](const Condition& condition) {
    return std::ranges::any_of(health.found(), [&](const Health::Found& found) {
      return found.condition->name == condition.name;
    });
  };
  out.gauge("ready", "1 while the node is healthy or degraded, as /readyz.",
            health.ready() ? 1 : 0);
  out.gauge("health", "The exit code of plumbd status: 0, 1, 3 or 4.", exit_of(health.severity()));
  out.gauge("problems", "Lines of all conditions in plumbd status.",
            static_cast<double>(health.lines().size()));
  for (const Condition& condition : all_conditions())
    out.gauge("condition", "1 while the condition holds.", holds(condition) ? 1 : 0,
              {{"condition", std::string(condition.name)},
               {"severity", std::string(word_of(condition.severity))}});
}

std::string print_metrics(const View& view) {
  MetricsText out;
  out.gauge("info", "Version, node and backend.", 1,
            {{"version", kVersion},
             {"node", view.config.node_name},
             {"backend", std::string(fabric::word_of(view.config.fabric.backend))}});
  add_health(out, view.health);
  out.gauge("stale", "1 while the node is programmed from the cache on disk.",
            view.planner.state().stale ? 1 : 0);
  out.gauge("nodes", "Nodes admitted.",
            static_cast<double>(view.planner.state().cluster.nodes.size()));
  add_source(out, view.source.status());
  add_drivers(out, view.reconciler.status());
  out.histogram("event_to_kernel_seconds", "From a change's first word to its end in the kernel.",
                view.reconciler.latencies());
  out.histogram("filter_transaction_seconds", "Transactions of nf_tables, those of a round as one.",
                view.kernel.filter_transactions());
  out.counter("stale_objects_removed_total", "Routes, neighbours and so on that were not wanted.",
              static_cast<double>(view.kernel.removed()));
  out.counter("kernel_events_lost_total", "Times that the kernel dropped events.",
              static_cast<double>(view.watch.dropped_events()));
  if (view.speaker.needed()) add_bgp(out, view.speaker.status());
  if (view.planner.plan()) {
    out.gauge("pod_mtu_bytes", "MTU that pods get.", view.planner.plan()->file.mtu);
    for (const fabric::Overlay& overlay : view.planner.plan()->kernel.overlays)
      add_drops(out, overlay.device.name);
  }
  add_neighbor_tables(out, view.netlink);
  out.gauge("resident_memory_bytes", "Of plumbd.", static_cast<double>(resident_bytes()));
  return out.text();
}

}  // namespace agent
