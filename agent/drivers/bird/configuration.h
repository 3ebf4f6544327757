// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"

namespace agent::bird {

/// The routes that are accepted from the other end of a session, beside single addresses inside
/// Filters::floating.
enum class Accepts {
  cluster,  ///< those of all nodes: from a reflector, and from a router outside
  node,     ///< the ranges of one node; from a node without a range, single addresses outside
            ///< Filters::claimed
  clients,  ///< of each client of a reflector the same, by its address (Filters::clients)
};

/// One BGP session of this node, or the pattern of the sessions that reflector clients open.
struct Session {
  std::string name = {};  ///< of BIRD's protocol; a reconfiguration matches sessions by it
  std::string peer = {};  ///< name of the node or of the configured peer, for people
  base::IpAddress local = {};
  std::uint32_t local_as = 0;
  std::optional<base::IpAddress> neighbor = {};  ///< nothing: any address of `range`, passively
  std::optional<base::Prefix> range = {};
  std::uint32_t remote_as = 0;
  std::uint16_t port = 179;
  bool external = false;  ///< a configured peer, not a node
  int hops = 0;           ///< 0: on a common link; otherwise the maximum, 255 is unlimited
  bool passive = false;   ///< the other side connects
  bool rr_client = false;
  bool reflected = false;  ///< passes on other nodes' routes: to clients, between reflectors
  int connect_delay = 1;   ///< seconds
  int hold = 9;            ///< seconds
  bool graceful_restart = true;
  bool bfd = false;
  bool ttl_security = false;
  std::string password_file = {};
  std::vector<std::string> communities = {};  ///< added to announced routes
  /// AF_INET, AF_INET6: families of the routes. IPv4 over an IPv6 session uses IPv6 next hops
  /// (RFC 8950).
  std::vector<int> families = {};
  Accepts accepts = Accepts::cluster;
  std::vector<base::Prefix> node_ranges = {};  ///< of the node that `accepts` is about
  /// Accepted in addition to the cluster's, with all routes inside them.
  std::vector<base::Prefix> import_ranges = {};
  bool operator==(const Session&) const = default;
};

/// A node that opens sessions with this reflector, and the ranges that it may announce.
struct Client {
  base::IpAddress address = {};
  std::vector<base::Prefix> ranges = {};
  bool operator==(const Client&) const = default;
};

/// The routes of one family that may be announced and accepted.
struct Filters {
  int family = 0;
  std::vector<base::Prefix> own = {};  ///< announced as aggregates, never accepted from others
  std::vector<base::Prefix> refused =
      {};  ///< networks between the nodes: never announced or accepted
  /// Ranges of all pods, and the shortest and longest prefix that a node's range has in them;
  /// without any node's range only single addresses are accepted.
  std::vector<base::Prefix> cluster = {};
  int shortest = 0, longest = 0;
  std::vector<base::Prefix> floating = {};  ///< single addresses that any node may announce
  /// The ranges of all nodes, where a node has none: single addresses of the cluster outside these
  /// may be announced by nodes without a range. Nothing where each node has a range.
  std::optional<std::vector<base::Prefix>> claimed = {};
  std::vector<Client> clients = {};            ///< of a reflector, in its own subnets
  std::vector<base::IpAddress> services = {};  ///< announced to configured peers
  /// Ranges that plumbd routes itself: no route to them, nor to a part of them of at most that
  /// length, goes to the kernel, where it would win over plumbd's.
  std::vector<base::Prefix> routed = {};
  int routed_longest = 0;
  bool operator==(const Filters&) const = default;
};

/// The wanted state of this node's BIRD; render() makes a configuration of it.
struct Configuration {
  std::uint32_t router_id = 0;
  std::uint32_t cluster_id = 0;         ///< of reflectors; 0 elsewhere
  std::string underlay_interface = {};  ///< whose subnets resolve next hops
  int bfd_interval_ms = 150;
  int bfd_multiplier = 3;
  std::vector<Filters> families = {};  ///< IPv4 first
  std::vector<Session> sessions = {};  ///< by name
  /// Sessions of the previous configuration, as its text: a node that has left BGP keeps announcing
  /// its pods to the others. May contain passwords.
  std::vector<std::string> kept = {};
  bool left = false;  ///< the node does not use BGP any more; nothing depends on BIRD
  std::vector<std::string> problems = {};  ///< peers without a session and why, one line each
  std::vector<std::string> notes = {};     ///< advice about sessions that work, one line each
  bool operator==(const Configuration&) const = default;
};

}  // namespace agent::bird
