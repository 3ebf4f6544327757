// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/policy/cluster.h"

namespace agent::policy {

/// The first packet of a connection between two pods.
struct Packet {
  const LivePod& source;
  const LivePod& destination;
  base::IpAddress from, to;  ///< of one family
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
};

/// The answer of the policies of one end.
struct Decision {
  std::vector<std::string> isolating = {};  ///< policies, `namespace/name`; none: open
  std::string rule = {};  ///< the first that allows the packet: `x/allow spec.ingress[0]`
  bool too_much = false;  ///< the policies are too large, so that they allow nothing
  bool allowed() const { return isolating.empty() || !rule.empty(); }
};

/// Decides by the objects themselves, not by the table. Pure.
Decision decide(const Cluster& cluster, const Packet& packet, Direction way);

}  // namespace agent::policy
