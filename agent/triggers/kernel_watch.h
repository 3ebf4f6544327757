// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/plan/node_plan.h"
#include "libcni/net/events.h"
#include "libcni/net/netlink.h"

namespace agent {

/// Calls back when another program changed what the plan depends on, or what plumbd made: the
/// parent link and its addresses, forwarding, plumbd's devices, routes and neighbours.
class KernelWatch {
 public:
  KernelWatch(net::Netlink& netlink, Loop& loop, std::function<void()> on_change);
  KernelWatch(const KernelWatch&) = delete;
  KernelWatch& operator=(const KernelWatch&) = delete;
  ~KernelWatch();

  /// Sets the objects to watch. Without a plan every link and address is watched. `plan` stays the
  /// caller's and is read until the next call. It was applied, except for the routes `blocked`,
  /// where another program's route was first; those that read() found replaced are not counted.
  void follow(const State& state, const NodePlan& plan, std::vector<base::Prefix> blocked);
  void follow_everything() { names_.clear(); }
  /// Reads the events that have come.
  void read();
  /// Destinations whose route another program has replaced; each is returned once.
  std::vector<base::Prefix> take_replaced_routes() { return std::exchange(replaced_routes_, {}); }
  /// True once after another program removed a link with the name of a planned device.
  bool take_name_freed() { return std::exchange(name_freed_, false); }
  /// True once after a link got an address and a subnet of this node's ranges, as the first pod's
  /// bridge does.
  bool take_gateway_added() { return std::exchange(gateway_added_, false); }
  std::uint64_t dropped_events() const {
    return dropped_events_;
  }  ///< times that the kernel dropped events

 private:
  bool matters(const net::Event& event);
  bool replaces_own(const net::Event& event) const;
  bool is_wanted(const net::Event& event) const;
  bool is_gateway(const net::Event& event) const;
  net::Netlink& netlink_;
  Loop& loop_;
  std::function<void()> on_change_;
  net::Events events_;
  std::set<std::string> names_;
  std::set<std::string> devices_;  ///< of the last plan, also while everything is followed
  std::set<int> indexes_;
  const NodePlan* plan_ = nullptr;
  std::vector<base::Prefix> blocked_, replaced_routes_, own_ranges_;
  std::uint64_t dropped_events_ = 0;
  bool name_freed_ = false, gateway_added_ = false;
};

}  // namespace agent
