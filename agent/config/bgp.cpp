// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "agent/config/reader.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr Bounds kAsNumbers{1, std::numeric_limits<std::uint32_t>::max()};
constexpr Bounds kOptionalAsNumbers{0, std::numeric_limits<std::uint32_t>::max()};
/// RFC 4271, 4.2: zero or at least three; here zero means that another setting counts.
constexpr Bounds kHoldSeconds{3, 65535};

BgpPeer read_peer(const ConfigReader& reader) {
  BgpPeer peer;
  std::string address;
  reader.read("name", peer.name);
  reader.read("address", address);
  const auto parsed = base::IpAddress::parse(address);
  if (!parsed)
    reader.refuse("address", "the IP address of the peer");
  else if (parsed->is_unspecified() || parsed->is_multicast() || parsed->is_link_local_unicast())
    reader.refuse("address", "the unicast address of the peer, not a link-local one (fe80::/10)");
  peer.address = parsed.value_or(peer.address);
  if (peer.name.empty()) peer.name = peer.address.text();
  if (!reader.has("asNumber")) reader.refuse("asNumber", "the AS number of the peer");
  reader.read("asNumber", peer.as_number, kAsNumbers);
  reader.read("localAS", peer.local_as, kOptionalAsNumbers);
  reader.read("port", peer.port, {1, 65535});
  reader.read("nodes", peer.nodes);
  reader.read("node", peer.node);
  reader.read("passwordFile", peer.password_file);
  reader.read("ttlSecurity", peer.ttl_security);
  reader.read("multihop", peer.multihop, {0, 255});
  reader.read("bfd", peer.bfd);
  reader.read_unless_zero("holdSeconds", peer.hold_seconds, kHoldSeconds);
  reader.read_communities("communities", peer.communities);
  reader.read("importRanges", peer.import_ranges);
  return peer;
}

}  // namespace

void read_bgp(const ConfigReader& reader, BgpConfig& bgp) {
  reader.read("asNumber", bgp.as_number, kAsNumbers);
  reader.read("mesh", bgp.mesh);
  reader.read("reflectors", bgp.reflectors);
  reader.read("bfd", bgp.bfd);
  reader.read("bfdIntervalMs", bgp.bfd_interval_ms, {10, 10000});
  reader.read("bfdMultiplier", bgp.bfd_multiplier, {1, 255});
  reader.read_unless_zero("holdSeconds", bgp.hold_seconds, kHoldSeconds);
  reader.read("gracefulRestart", bgp.graceful_restart);
  reader.read("connectJitterSeconds", bgp.connect_jitter_seconds, {0, 300});
  reader.read("passwordFile", bgp.password_file);
  reader.read("ttlSecurity", bgp.ttl_security);
  reader.read_communities("communities", bgp.communities);
  reader.read("clusterIPs", bgp.cluster_ips);
  reader.read("externalIPs", bgp.external_ips);
  reader.read("loadBalancerIPs", bgp.load_balancer_ips);
  reader.read("floatingRanges", bgp.floating_ranges);
  reader.read("birdConfig", bgp.bird_config);
  reader.read("birdSocket", bgp.bird_socket);
  reader.read("birdGroup", bgp.bird_group);
  for (const ConfigReader& peer : reader.list("peers")) bgp.peers.push_back(read_peer(peer));
}

}  // namespace agent
