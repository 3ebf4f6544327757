// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/delta.h"

#include <algorithm>
#include <list>
#include <utility>

#include "libcni/fabric/remote_ends.h"
#include "libcni/fabric/routes.h"
#include "libcni/fabric/traffic.h"
#include "libcni/net/link.h"

namespace fabric {
namespace {

/// The devices of both plans; nothing where one is missing or belongs to another program.
std::optional<Devices> find_devices(Run& run, const Desired& before, const Desired& desired) {
  const auto same = [](const Overlay& a, const Overlay& b) { return a.device == b.device; };
  if (!std::ranges::equal(before.overlays, desired.overlays, same)) return std::nullopt;
  Devices devices;
  for (const Overlay& overlay : desired.overlays) {
    const auto link = net::find_link(run.netlink(), overlay.device.name);
    if (!link || link->alias != run.mark() || !link->up) return std::nullopt;
    devices.emplace(overlay.device.name, link->index);
  }
  return devices;
}

}  // namespace

Report apply_delta(net::Netlink& netlink, const Desired& before, const Desired& desired) {
  Run run(netlink, desired);
  if (before.scope != desired.scope || !desired.complete) return {};
  std::optional<Devices> devices = find_devices(run, before, desired);
  if (!devices) return {};
  std::list<RemoteEnds> remote_ends;
  for (std::size_t i = 0; i < desired.overlays.size(); ++i)
    remote_ends.emplace_back(run, before.overlays[i], desired.overlays[i],
                             *devices->at(desired.overlays[i].device.name));
  Routes routes(run, before, desired, *std::move(devices));
  if (before.traffic && desired.traffic)
    apply_traffic_delta(run, *before.traffic, *desired.traffic);
  for (RemoteEnds& each : remote_ends) each.add();
  routes.add();
  routes.remove();
  for (RemoteEnds& each : remote_ends) each.remove();
  Report report = run.recorder().finish();
  report.errors.clear();
  return report;
}

}  // namespace fabric
