// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/net/batch.h"
#include "libcni/net/netlink.h"

namespace net {

/// The numbers of a token bucket filter (qdisc tbf).
struct TokenBucket {
  std::uint64_t rate = 0;    ///< bytes per second
  std::uint32_t buffer = 0;  ///< the burst: the time in which `rate` sends it, in ticks
  std::uint32_t limit = 0;   ///< bytes that may wait; further packets are dropped
  bool operator==(const TokenBucket&) const = default;
};

/// Ticks of the kernel's packet scheduler in a microsecond, from /proc/net/psched. 15.625 on every
/// kernel since 2.6.31.
double ticks_per_microsecond();

/// A queueing discipline that was configured; links also have default ones, whose handle is 0.
struct Qdisc {
  int link = 0;  ///< index
  std::string kind = {};
  std::uint32_t handle = 0;
  std::uint32_t parent = 0;
  std::optional<TokenBucket> bucket = {};  ///< of a tbf
  bool operator==(const Qdisc&) const = default;
  bool is_root() const;
  /// Returns whether filters can be attached for the packets that the link receives.
  bool takes_ingress_filters() const { return kind == "ingress" || kind == "clsact"; }
};

enum class Existing { refuse, replace };
/// Makes a tbf with the handle 1: the root qdisc of link `index`. Where the link has a configured
/// root qdisc, `refuse` ends with EEXIST, which the batch tolerates, and `replace` changes that
/// qdisc if it is a tbf. Returns the number of the change.
std::size_t put_root_tbf(Batch& batch, int index, const TokenBucket& bucket, Existing existing);
/// Nothing for a link with its default qdisc.
std::optional<Qdisc> find_root_qdisc(Netlink& netlink, int index);
/// The configured qdiscs of all links of the namespace.
std::vector<Qdisc> list_qdiscs(Netlink& netlink);
/// Gives the link its default qdisc back. Returns false when it had that.
bool remove_root_qdisc(Netlink& netlink, int index);

/// Adds the qdisc that takes filters for received packets (ingress). EEXIST, where one is there, is
/// tolerated. Returns the number of the change.
std::size_t put_ingress_qdisc(Batch& batch, int index);
bool remove_ingress_qdisc(Netlink& netlink, int index);

}  // namespace net
