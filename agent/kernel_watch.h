// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>
#include <string>

#include "agent/loop.h"
#include "agent/planner.h"
#include "libcni/net/events.h"
#include "libcni/net/netlink.h"

namespace agent {

/// Says when somebody else changed what the plan stands on, or what was made of it: the parent
/// link and its addresses, the own devices, routes and neighbours.
class KernelWatch {
 public:
  KernelWatch(net::Netlink& netlink, Loop& loop, std::function<void()> on_change);
  KernelWatch(const KernelWatch&) = delete;
  KernelWatch& operator=(const KernelWatch&) = delete;
  ~KernelWatch();

  /// What matters from now on; `plan` stays where it is. Without a plan every link and address
  /// does.
  void follow(const State& state, const NodePlan& plan);
  void follow_everything() { names_.clear(); }
  std::uint64_t lost() const { return lost_; }  ///< times that the kernel dropped events

 private:
  bool matters(const net::Event& event) const;
  bool is_wanted(const net::Event& event) const;
  net::Netlink& netlink_;
  Loop& loop_;
  std::function<void()> on_change_;
  net::Events events_;
  std::set<std::string> names_;
  std::set<int> indexes_;
  const NodePlan* plan_ = nullptr;
  std::uint64_t lost_ = 0;
};

}  // namespace agent
