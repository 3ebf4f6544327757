// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/fabric/node.h"
#include "libcni/fabric/plan.h"

namespace agent {

/// A Kubernetes Service, as far as its addresses can be announced.
struct Service {
  std::string name;  ///< namespace/name
  std::vector<base::IpAddress> cluster_ips = {};
  std::vector<base::IpAddress> external_ips = {};
  std::vector<base::IpAddress> load_balancer_ips = {};
  bool local_policy = false;           ///< externalTrafficPolicy: Local
  bool internal_local_policy = false;  ///< internalTrafficPolicy: Local
  /// Nodes with a ready endpoint, sorted; only kept for a policy Local.
  std::vector<std::string> endpoint_nodes;
  bool operator==(const Service&) const = default;
};

/// A source's settings for the network of the cluster. They count where plumbd's own configuration
/// has none.
struct NetworkDefaults {
  std::vector<base::Prefix> cluster_ranges = {};
  std::optional<fabric::Backend> backend = {};
  std::optional<std::uint32_t> vni = {};
  std::optional<std::uint16_t> port = {};
  /// Upper bound for the MTU of packets between the nodes (flannel's `Backend.MTU`); the tunnel's
  /// MTU is less.
  std::optional<int> underlay_mtu = {};
  bool operator==(const NetworkDefaults&) const = default;
};

/// `options` with what was left at its default (fabric::Options{}) taken from `defaults`.
fabric::Options with_defaults(fabric::Options options, const NetworkDefaults& defaults);

/// The cluster as a source describes it.
struct Snapshot {
  std::vector<fabric::Node> nodes = {};    ///< sorted by name; this node may be among them
  std::vector<Service> services = {};      ///< sorted by name
  std::vector<std::string> problems = {};  ///< objects left out and why, one line each
  NetworkDefaults network = {};
  bool operator==(const Snapshot&) const = default;
};

}  // namespace agent
