// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/config.h"
#include "libcni/net/netlink.h"

namespace agent {

/// Ranges that this node's pods had addresses of before the source gave it others. The node keeps
/// serving a former range until its last pod is gone, across restarts: node.json in the state
/// directory lists former ranges after the new ones.
class FormerRanges {
 public:
  using Clock = std::chrono::steady_clock;
  struct Former {
    base::Prefix range;
    std::size_t pods = 0;     ///< pods with a known address of it
    std::size_t unknown = 0;  ///< further pods that may have an address of it
    bool granted = false;     ///< false: another node has it now
    Clock::time_point since = {};
    bool is_empty() const { return pods == 0 && unknown == 0; }
  };

  explicit FormerRanges(const Config& config);

  /// `given` are the ranges from the source or the configuration. Counts pods by host-local's
  /// reservations in any network, by routes to single addresses and by the ports of bridges, and
  /// gives up ranges without pods. Gives up nothing where the reservations cannot be read.
  void look(net::Netlink& netlink, const std::vector<base::Prefix>& given);
  /// Call when all of `ranges` are planned: former ranges among them are granted.
  void serve(const std::vector<base::Prefix>& ranges);
  /// Ranges that this node serves no longer, each returned once: the gateway that a bridge of pods
  /// has for one is to be removed, because it would keep packets from the node that has the range.
  std::vector<base::Prefix> take_withdrawn() { return std::exchange(withdrawn_, {}); }

  const std::vector<Former>& all() const { return former_; }
  std::vector<base::Prefix> wanted() const;  ///< former ranges to ask the source for
  /// Former ranges to publish beside `given`; before the first serve() all that an earlier process
  /// served last.
  std::vector<base::Prefix> granted(const std::vector<base::Prefix>& given) const;
  /// The time at which a range without pods can be given up; nothing when there is none.
  std::optional<Clock::time_point> due() const;
  /// Why pods cannot be counted; empty when they can.
  const std::string& problem() const { return problem_; }

 private:
  void report_unknown();
  std::string conflist_;
  std::vector<base::Prefix> served_;
  std::vector<Former> former_;
  std::vector<base::Prefix> withdrawn_;
  bool planned_ = false;
  std::string problem_;
};

/// Pods of this node with an address of a range.
struct PodCount {
  std::size_t addresses = 0;
  /// Pods on a bridge that is a gateway of the range, minus the reservations in all subnets of
  /// the bridge: the addresses of these pods are not known.
  std::size_t unknown = 0;
  bool operator==(const PodCount&) const = default;
};
/// `reservations` is host-local's dataDir. Throws std::system_error, also when it is missing.
PodCount count_pods(net::Netlink& netlink, const std::string& reservations,
                    const base::Prefix& range);

}  // namespace agent
