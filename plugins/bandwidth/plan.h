// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "libcni/base/boot_time.h"
#include "libcni/firewall/owner.h"
#include "libcni/net/qdisc.h"
#include "plugins/bandwidth/conf.h"

namespace bandwidth {

/// The desired state of one attachment.
struct Plan {
  std::optional<net::TokenBucket> ingress = {};  ///< of the host's end
  std::optional<net::TokenBucket> egress = {};   ///< of the ifb
  bool operator==(const Plan&) const = default;
};

/// The reference's numbers, with a latency of 25 ms. Where they exceed 32 bits, the largest ones
/// that fit: the reference's wrap around.
net::TokenBucket make_bucket(const Limit& limit, double ticks_per_us);
Plan make_plan(const Conf& conf, double ticks_per_us);
/// Returns whether `found` is what ADD makes for `limit`, or what the reference makes, on any
/// architecture.
bool is_bucket_of(const net::TokenBucket& found, const Limit& limit, double ticks_per_us);

/// The names that an attachment's ifb can have: the reference's, which does not contain the
/// interface name, and one for when another attachment of the container has that.
std::array<std::string, 2> ifb_names(const firewall::Owner& owner);
/// Returns whether a link of this name can be an ifb of the reference or of this plugin.
bool is_ifb_name(const std::string& name);

/// The link group that marks the owner of an ifb until it has an alias: creation can set a group,
/// but not an alias. Never 0.
std::uint32_t group_of(const firewall::Owner& owner);
/// The alias of an ifb: its owner and the time of ADD.
std::string mark_of(const firewall::Owner& owner, base::BootTime time);
/// Returns whether `alias` is a mark of any attachment.
bool is_mark(const std::string& alias);
/// The mark without its time: equal for all marks of an owner.
std::string identity_of(const std::string& mark);
/// The common beginning of the marks of a network.
std::string mark_prefix(const std::string& network);
/// The time of a mark; nothing when it cannot be read.
std::optional<base::BootTime> find_time(const std::string& mark);

}  // namespace bandwidth
