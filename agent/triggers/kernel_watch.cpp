// SPDX-License-Identifier: Apache-2.0
#include "agent/triggers/kernel_watch.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace agent {
namespace {

bool is_own_route(std::uint8_t protocol) {
  return protocol == fabric::kProtocolVxlan || protocol == fabric::kProtocolDirect ||
         protocol == fabric::kProtocolBlackhole;
}

}  // namespace

KernelWatch::KernelWatch(net::Netlink& netlink, Loop& loop, std::function<void()> on_change)
    : netlink_(netlink), loop_(loop), on_change_(std::move(on_change)), events_(netlink.port()) {
  loop_.watch(events_.fd(), EPOLLIN, [this](Loop::Events) { read(); });
}

void KernelWatch::read() {
  bool changed = false;
  events_.read([&](const net::Event& event) {
    if (event.kind == net::Event::Kind::lost) ++dropped_events_;
    changed = matters(event) || changed;
    name_freed_ = name_freed_ || (event.kind == net::Event::Kind::link && event.removed &&
                                  devices_.contains(event.name));
    gateway_added_ = gateway_added_ || is_gateway(event);
  });
  if (changed) on_change_();
}

KernelWatch::~KernelWatch() {
  loop_.forget(events_.fd());
}

void KernelWatch::follow(const State& state, const NodePlan& plan,
                         std::vector<base::Prefix> blocked) {
  plan_ = &plan;
  own_ranges_ = state.self.ranges;
  std::erase_if(blocked, [&](const base::Prefix& destination) {
    return std::ranges::find(replaced_routes_, destination) != replaced_routes_.end();
  });
  blocked_ = std::move(blocked);
  devices_.clear();
  for (const fabric::Overlay& overlay : plan.kernel.overlays) devices_.insert(overlay.device.name);
  names_ = devices_;
  names_.insert(state.underlay.parent);
  indexes_.clear();
  for (const std::string& name : names_)
    if (const auto link = net::find_link(netlink_, name)) indexes_.insert(link->index);
}

/// True for another program's route in the place of ours; the kernel sends no removal event then.
bool KernelWatch::replaces_own(const net::Event& event) const {
  if (plan_ == nullptr || event.removed) return false;
  const bool blocked = std::ranges::find(blocked_, event.destination) != blocked_.end();
  const auto is_same = [&](const fabric::FabricRoute& route) {
    const std::uint32_t metric =
        route.metric == 0 && !route.dst.address.is_v4() ? net::kMetricV6 : route.metric;
    return route.dst == event.destination && metric == event.metric;
  };
  return !blocked && std::ranges::any_of(plan_->kernel.routes, is_same);
}

/// Returns whether the plan has the neighbour or FDB entry.
bool KernelWatch::is_wanted(const net::Event& event) const {
  if (plan_ == nullptr) return true;
  return std::ranges::any_of(plan_->kernel.overlays, [&](const fabric::Overlay& overlay) {
    const auto same_mac = [&](const fabric::FdbEntry& each) { return event.fdb == each.mac; };
    const auto same_address = [&](const fabric::NeighborEntry& each) {
      return event.neighbor == each.address;
    };
    return std::ranges::any_of(overlay.fdb, same_mac) ||
           std::ranges::any_of(overlay.neighbors, same_address);
  });
}

/// True for the gateway of a bridge; not for the single address of a routed pod's host end.
bool KernelWatch::is_gateway(const net::Event& event) const {
  return event.address && !event.removed &&
         *event.address != base::host_prefix(event.address->address) &&
         base::any_contains(own_ranges_, event.address->address);
}

bool KernelWatch::matters(const net::Event& event) {
  switch (event.kind) {
    case net::Event::Kind::lost:
      return true;
    case net::Event::Kind::link:
      return names_.empty() || names_.contains(event.name) || indexes_.contains(event.index);
    case net::Event::Kind::address:
      return names_.empty() || indexes_.contains(event.index) || is_gateway(event);
    case net::Event::Kind::forwarding:
      return event.removed;
    case net::Event::Kind::route:
      if (is_own_route(event.protocol)) return true;
      if (!replaces_own(event)) return false;
      replaced_routes_.push_back(event.destination);
      return true;
    case net::Event::Kind::neighbor:
      // The event does not name the program that removed it (6.18): it may have been plumbd.
      if (event.removed && !is_wanted(event)) return false;
      return event.protocol == fabric::kProtocolNeighbor || indexes_.contains(event.index);
  }
  return false;
}

}  // namespace agent
