// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libcni/base/ip.h"

namespace agent {

/// `key=value` pairs that a node's labels must all have; empty selects every node.
using Selector = std::vector<std::pair<std::string, std::string>>;

/// A BGP neighbour outside the cluster, such as a top-of-rack router.
struct BgpPeer {
  std::string name = {};
  base::IpAddress address;
  std::uint32_t as_number = 0;
  std::uint32_t local_as = 0;  ///< 0: the node's
  std::uint16_t port = 179;
  Selector nodes = {};             ///< which nodes have this session
  std::string node = {};           ///< or just this one
  std::string password_file = {};  ///< TCP MD5 (RFC 2385); only its owner may have access
  bool ttl_security = false;       ///< RFC 5082
  int multihop = 0;                ///< hops, up to 255; 0: directly connected
  std::optional<bool> bfd = {};    ///< unset: as `bgp.bfd`
  int hold_seconds = 0;            ///< 0: as `bgp.holdSeconds`
  std::vector<std::string> communities = {};  ///< `64512:100` or `64512:1:100`, added on export
  /// Ranges accepted from the peer, in addition to the cluster's; never a default route.
  std::vector<base::Prefix> import_ranges = {};
  bool operator==(const BgpPeer&) const = default;
};

struct BgpConfig {
  std::uint32_t as_number = 64512;
  bool mesh = true;          ///< also off where reflectors are selected
  Selector reflectors = {};  ///< nodes that reflect; empty: none, full mesh
  std::vector<BgpPeer> peers = {};
  bool bfd = false;
  int bfd_interval_ms = 150;
  int bfd_multiplier = 3;
  int hold_seconds = 0;          ///< 0: 9, or 90 where BFD watches the session
  bool graceful_restart = true;  ///< of sessions without BFD, which would contradict it
  /// Sessions between nodes on a common link ignore packets that a router has passed on (RFC 5082).
  /// Both ends need the same value.
  bool ttl_security = true;
  /// The longest wait of a node, by a hash of its name, before it connects to a reflector, so that
  /// nodes do not connect all at once. A change restarts the sessions.
  int connect_jitter_seconds = 5;
  std::string password_file = {};  ///< of sessions inside the cluster
  std::vector<std::string> communities = {};
  /// Service addresses inside these are announced.
  std::vector<base::Prefix> cluster_ips = {}, external_ips = {}, load_balancer_ips = {};
  /// Host addresses with the pod protocol inside these are announced one by one (floating pods).
  /// Host addresses inside the cluster's ranges that are not in a range of the node are always
  /// announced; other nodes accept these only from a node without a range.
  std::vector<base::Prefix> floating_ranges = {};
  std::string bird_config = "/run/plumb/bird.conf";
  std::string bird_socket = "/run/plumb/bird.ctl";
  std::string bird_group = "bird";  ///< owner of the configuration file, mode 0640
  bool operator==(const BgpConfig&) const = default;
};

}  // namespace agent
