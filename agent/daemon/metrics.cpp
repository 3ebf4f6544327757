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
    out.counter("reconcile_runs_total", "Number of runs of a driver.", static_cast<double>(d.runs),
                l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.counter("reconcile_errors_total",
                "Number of runs of a driver that failed at least in part.",
                static_cast<double>(d.errors), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.counter("reconcile_writes_total",
                "Number of objects that a driver added, replaced or removed.",
                static_cast<double>(d.writes), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.gauge("reconcile_failing",
              "1 while the last run of a driver has failed at least in part, else 0.",
              d.problem.empty() ? 0 : 1, l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.gauge("reconcile_duration_seconds", "Duration of the last run of a driver in seconds.",
              d.duration.count(), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    const std::chrono::duration<double> age = Loop::Clock::now() - d.last_success;
    if (d.done_once)
      out.gauge("reconcile_last_success_age_seconds",
                "Seconds since the last run of a driver without a failure.", age.count(), l);
  });
  each([&](const DriverStatus& d, const Labels& l) {
    out.gauge("desired_objects", "Number of objects that a driver keeps.",
              static_cast<double>(d.desired), l);
  });
}

void add_source(MetricsText& out, const SourceStatus& source) {
  out.gauge("source_in_sync", "1 while the source is complete and followed, else 0.",
            source.in_sync ? 1 : 0);
  out.counter("source_relists_total", "Number of complete lists read from the source.",
              static_cast<double>(source.relists));
  out.counter("source_watch_restarts_total",
              "Number of times that a watch of the source was started again.",
              static_cast<double>(source.watch_restarts));
  out.counter("source_parsed_bytes_total", "Bytes read from the source.",
              static_cast<double>(source.parsed_bytes));
  out.counter("source_errors_total", "Number of failures of the source; each is retried.",
              static_cast<double>(source.errors));
  const std::chrono::duration<double> silence = Loop::Clock::now() - source.last_word;
  if (source.last_word != Loop::Clock::time_point{})
    out.gauge("source_silence_seconds", "Seconds since the last data came from the source.",
              silence.count());
}

void add_bgp(MetricsText& out, const bird::Status& bgp) {
  out.gauge("bird_running", "1 while BIRD answers on its control socket, else 0.",
            bgp.running ? 1 : 0);
  out.counter("bird_reconfigurations_total",
              "Number of configurations that BIRD accepted and plumbd confirmed.",
              static_cast<double>(bgp.reconfigurations));
  out.counter("bird_refusals_total", "Number of configurations that BIRD refused.",
              static_cast<double>(bgp.refusals));
  out.counter("bird_undone_total",
              "Number of configurations undone because too few sessions returned.",
              static_cast<double>(bgp.undone));
  const auto labels = [](const bird::PeerStatus& peer, Labels more) {
    more.push_back({"peer", peer.peer});
    more.push_back({"address", peer.address.text()});
    return more;
  };
  for (const bird::PeerStatus& peer : bgp.peers)
    out.gauge("bgp_peer_up", "1 while the BGP session is established, else 0.", peer.up() ? 1 : 0,
              labels(peer, {}));
  for (const bird::PeerStatus& peer : bgp.peers) {
    out.gauge("bgp_peer_routes", "Number of routes in a BGP session, by direction.",
              static_cast<double>(peer.imported), labels(peer, {{"direction", "imported"}}));
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
    out.gauge("neighbor_table_entries",
              "Number of entries in the kernel's neighbour table, permanent ones included.",
              table.entries, family_of(table));
  for (const net::NeighborTable& table : tables)
    out.gauge("neighbor_table_limit",
              "Number of entries above which the kernel refuses learned neighbours.", table.limit,
              family_of(table));
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
    out.counter("device_drops_total",
                "Number of packets that the tunnel device dropped, by direction.", column[3],
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
  out.gauge("ready", "1 while the node is healthy or degraded, as /readyz says, else 0.",
            health.ready() ? 1 : 0);
  out.gauge("health", "Health as the exit code of plumbd status: 0, 1, 3 or 4.",
            exit_of(health.severity()));
  out.gauge("problems", "Number of lines of all conditions in plumbd status.",
            static_cast<double>(health.lines().size()));
  for (const Condition& condition : all_conditions())
    out.gauge("condition", "1 while the condition holds, else 0.", holds(condition) ? 1 : 0,
              {{"condition", std::string(condition.name)},
               {"severity", std::string(word_of(condition.severity))}});
}

std::string print_metrics(const View& view) {
  MetricsText out;
  out.gauge("info", "Version, node and backend as labels; the value is always 1.", 1,
            {{"version", kVersion},
             {"node", view.config.node_name},
             {"backend", std::string(fabric::word_of(view.config.fabric.backend))}});
  add_health(out, view.health);
  out.gauge("stale", "1 while the node is programmed from the cache on disk, else 0.",
            view.planner.state().stale ? 1 : 0);
  out.gauge("nodes", "Number of nodes admitted.",
            static_cast<double>(view.planner.state().cluster.nodes.size()));
  add_source(out, view.source.status());
  add_drivers(out, view.reconciler.status());
  out.histogram("event_to_kernel_seconds",
                "Seconds from the first event of a change to its end in the kernel.",
                view.reconciler.latencies());
  out.histogram("filter_transaction_seconds", "Seconds spent in nf_tables transactions, per round.",
                view.kernel.filter_transactions());
  out.counter("stale_objects_removed_total",
              "Number of unwanted kernel objects that plumbd removed.",
              static_cast<double>(view.kernel.removed()));
  out.counter("kernel_events_lost_total", "Number of times that the kernel dropped netlink events.",
              static_cast<double>(view.watch.dropped_events()));
  if (view.speaker.needed()) add_bgp(out, view.speaker.status());
  if (view.planner.plan()) {
    out.gauge("pod_mtu_bytes", "MTU of pods in bytes.", view.planner.plan()->file.mtu);
    for (const fabric::Overlay& overlay : view.planner.plan()->kernel.overlays)
      add_drops(out, overlay.device.name);
  }
  add_neighbor_tables(out, view.netlink);
  out.gauge("resident_memory_bytes", "Resident memory of plumbd in bytes.",
            static_cast<double>(resident_bytes()));
  return out.text();
}

}  // namespace agent
