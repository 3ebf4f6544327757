// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "libcni/fabric/apply.h"
#include "libcni/net/address.h"
#include "plugins/vxlan/conf.h"

namespace vxlan {

/// The nodes of the cluster from this node's point of view, when the configuration lists them.
struct Cluster {
  fabric::Node self;
  std::vector<fabric::Node> peers;
  fabric::Underlay underlay;
  /// The addresses of all links of this host.
  std::vector<net::Address> addresses = {};
};

/// Reads `peersFile`, and finds out which node this is: the one that has `localAddress`, an address
/// of `parent`, or any address of this host. Throws cni::Error(7) for a list with mistakes or
/// conflicts, and when this node is not found.
Cluster read_cluster(net::Netlink& host, const Conf& conf);

/// The MTU of pods.
int pod_mtu(const Conf& conf, const Cluster& cluster);

/// Desired::scope of `network`.
std::string scope_of(const std::string& network);

/// The desired kernel state for `network`. `bridge`: in mode l2 the index of the pods' bridge,
/// which the device is a port of. Pure. Throws cni::Error(7) when a range cannot be reached.
fabric::Desired make_desired(const Conf& conf, const std::string& network, const Cluster& cluster,
                             int bridge);

}  // namespace vxlan
