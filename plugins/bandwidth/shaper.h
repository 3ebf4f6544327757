// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "libcni/attach/owner.h"
#include "libcni/net/link.h"
#include "plugins/bandwidth/plan.h"

namespace bandwidth {

/// Shapes the traffic of the pod behind the host's end `end`: a tbf there for packets to the pod,
/// and an ifb with a tbf, to which packets from the pod are redirected. Returns the ifb, if
/// `plan.egress`. A repeated call changes the numbers in place. A failure leaves nothing that this
/// call made. Everything that depends on how packets are shaped is in this file and ifb.h.
std::optional<net::Link> shape(net::Netlink& host, const net::Link& end,
                               const firewall::Owner& owner, const Plan& plan);

/// CHECK: throws cni::Error naming the first difference from what shape() makes for `conf`. Other
/// qdiscs and filters are not a difference, and neither are the reference's numbers.
void verify_shape(net::Netlink& host, const net::Link& end, const firewall::Owner& owner,
                  const Conf& conf);

/// STATUS: tries all of it in a namespace of its own, which leaves nothing. Throws
/// std::system_error with the kernel's refusal.
void try_shape();

}  // namespace bandwidth
