// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/apply.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <utility>

#include "libcni/base/sys_error.h"
#include "libcni/fabric/device.h"
#include "libcni/fabric/remote_ends.h"
#include "libcni/fabric/routes.h"
#include "libcni/fabric/run.h"
#include "libcni/fabric/traffic.h"
#include "libcni/fabric/traffic_record.h"
#include "libcni/fabric/ways.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace fabric {
namespace {

/// The record of a dry run that has a folder for it.
std::optional<TrafficRecord> find_record(Run& run, const std::optional<Traffic>& traffic) try {
  if (!run.is_dry() || run.record_folder().empty()) return std::nullopt;
  return TrafficRecord(run.nft(), run.record_folder(), run.scope(), traffic);
} catch (const std::system_error& e) {
  if (e.code().value() == EINTR) throw;  // a termination signal
  return std::nullopt;                   // no nf_tables: ensure_traffic() reports that
}

/// Compares and fixes the nf_tables part of the plan.
void ensure_filter(Run& run, const std::optional<Traffic>& traffic) {
  const auto record = find_record(run, traffic);
  if (record && record->holds()) return;
  const std::size_t before = run.recorder().findings();
  ensure_traffic(run, traffic);
  ensure_forward_rules(run, traffic);
  if (record && run.recorder().findings() == before) record->keep();
}

void reconcile(Run& run, const Desired& desired) {
  run.recorder().want(desired.overlays.size());
  if (run.removes()) remove_stale_devices(run, desired.overlays, true);
  Devices devices;
  std::list<RemoteEnds> remote_ends;
  for (const Overlay& overlay : desired.overlays) {
    const std::optional<int> index = ensure_device(run, overlay.device);
    devices.emplace(overlay.device.name, index);
    if (index) remote_ends.emplace_back(run, overlay, *index);
  }
  ensure_forwarding(run, desired);
  ensure_filter(run, desired.traffic);
  ensure_legacy_forward_rules(run, desired.traffic);

  Routes routes(run, desired, std::move(devices));
  for (RemoteEnds& each : remote_ends) each.add();
  routes.add();
  routes.remove();
  for (RemoteEnds& each : remote_ends) each.remove();
  if (run.removes()) remove_stale_devices(run, desired.overlays, false);
}

void add_to(Report& report, Report more) {
  report.changed += more.changed;
  report.requests += more.requests;
  report.removed += more.removed;
  report.filter_seconds += more.filter_seconds;
  report.desired = more.desired;
  report.errors = std::move(more.errors);
  report.blocked = std::move(more.blocked);
  report.changes.insert(report.changes.end(), more.changes.begin(), more.changes.end());
}

/// The MTU of the default route's link, where the link of the node's address carries no traffic:
/// lo, as in BGP networks, a dummy, or an address without a subnet. find_mtu_to() is exact where
/// the peers are known.
std::optional<int> leaving_mtu(net::Netlink& netlink, const net::Link& holder,
                               const base::Prefix& address) {
  const int family = address.address.family();
  if (holder.name != "lo" && holder.kind != "dummy" && address.length < address.address.bits())
    return std::nullopt;
  for (const net::Route& route : list_default_routes(netlink, family))
    if (const auto link = net::find_link(netlink, route.oif)) return link->mtu;
  return holder.name == "lo" ? std::optional(1500) : std::nullopt;
}

}  // namespace

Report apply(net::Netlink& netlink, const Desired& desired, const std::string& record_folder,
             const std::vector<base::Prefix>& lost) {
  constexpr int kRounds = 10;
  Report report;
  // Parallel ADDs make the same objects: the second one compares again.
  for (int round = 0; round < kRounds; ++round) {
    Run run(netlink, desired, {.record_folder = record_folder, .replaced = lost});
    reconcile(run, desired);
    const std::vector<std::string> before = std::exchange(report.errors, {});
    add_to(report, run.recorder().finish());
    if (!run.recorder().was_contended() || report.errors == before) break;
  }
  return report;
}

Report diff(net::Netlink& netlink, const Desired& desired, const std::string& record_folder,
            std::span<const net::Address> addresses) {
  Run run(netlink, desired,
          {.mode = RunOptions::Mode::dry, .record_folder = record_folder, .addresses = addresses});
  reconcile(run, desired);
  return run.recorder().finish();
}

Underlay find_underlay(net::Netlink& netlink, const base::IpAddress& address) {
  return find_underlay(netlink, address, net::list_addresses(netlink));
}

Underlay find_underlay(net::Netlink& netlink, const base::IpAddress& address,
                       std::span<const net::Address> all) {
  const auto own =
      std::ranges::find(all, address, [](const net::Address& each) { return each.prefix.address; });
  const auto link = own == all.end() ? std::nullopt : net::find_link(netlink, own->index);
  if (!link)
    base::throw_errno("no link has this node's address " + address.text() +
                          ": add it to one, or correct the configuration that names it",
                      EADDRNOTAVAIL);
  Underlay underlay{.parent = link->name, .mtu = link->mtu};
  for (const net::Address& each : all)
    if (each.index == link->index && each.prefix.length < each.prefix.address.bits() &&
        !each.prefix.address.is_link_local_unicast() && !each.prefix.address.is_loopback())
      underlay.subnets.push_back(each.prefix.network());
  underlay.mtu = leaving_mtu(netlink, *link, own->prefix).value_or(link->mtu);
  return underlay;
}

}  // namespace fabric
