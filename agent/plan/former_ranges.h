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

/// Ranges that this node's pods had addresses of before the source gave it others. They are served
/// until the last of these pods is gone (multinode 5.6), across restarts: node.json in the state
/// directory has them behind the new ones.
class FormerRanges {
 public:
  using Clock = std::chrono::steady_clock;
  struct Former {
    base::Prefix range;
    std::size_t pods = 0;     ///< with a known address of it
    std::size_t unknown = 0;  ///< further ones that may have an address of it
    bool granted = false;     ///< false: another node has it now
    Clock::time_point since = {};
    bool is_empty() const { return pods == 0 && unknown == 0; }
  };

  explicit FormerRanges(const Config& config);

  /// `told` is what the source or the configuration gives. Counts pods by what host-local reserved
  /// in any network, by routes to single addresses and by the ports of bridges, and gives up what
  /// has none. Where the reservations cannot be read nothing is given up (K1).
  void look(net::Netlink& netlink, const std::vector<base::Prefix>& told);
  /// All of `ranges` are planned: former ones among them are granted.
  void serve(const std::vector<base::Prefix>& ranges);
  /// Ranges that this node serves no longer, each returned once: the gateway that a bridge of pods
  /// has for one is to be removed, because it would keep packets from the node that has the range.
  std::vector<base::Prefix> take_withdrawn() { return std::exchange(withdrawn_, {}); }

  const std::vector<Former>& all() const { return former_; }
  std::vector<base::Prefix> wanted() const;  ///< those to ask for
  /// Those to tell the others, who hear of `told` as well; before the first serve() all that were
  /// served last.
  std::vector<base::Prefix> granted(const std::vector<base::Prefix>& told) const;
  /// When a range without pods can be given up; nothing when there is none.
  std::optional<Clock::time_point> due() const;
  /// Why pods cannot be counted; empty when they can.
  const std::string& problem() const { return problem_; }

 private:
  void tell_unknown();
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
  /// Pods on a bridge that is a gateway of the range, beyond those that any reservation in a subnet
  /// of the bridge accounts for: their addresses are not known.
  std::size_t unknown = 0;
  bool operator==(const PodCount&) const = default;
};
/// `reservations` is host-local's dataDir. Throws std::system_error, also when it is missing.
PodCount count_pods(net::Netlink& netlink, const std::string& reservations,
                    const base::Prefix& range);

}  // namespace agent
