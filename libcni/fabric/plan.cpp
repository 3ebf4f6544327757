// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/plan.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <stdexcept>
#include <unordered_set>

#include "libcni/base/names.h"
#include "libcni/base/utf8.h"

namespace fabric {
namespace {

constexpr int kMinimumMtuV6 = 1280;  // RFC 8200, section 5
constexpr int kMinimumMtuV4 = 576;   // RFC 1122, section 3.3.3

std::string_view family_word(int family) {
  return family == AF_INET ? "IPv4" : "IPv6";
}

bool has_range_of(const Node& node, int family) {
  return std::ranges::any_of(
      node.ranges, [&](const base::Prefix& range) { return range.address.family() == family; });
}

int underlay_family_of(const Node& self, const Options& options) {
  if (options.underlay_family != 0) return options.underlay_family;
  return self.address_of(AF_INET) ? AF_INET : AF_INET6;
}

/// A plan under construction: first the node itself, then each peer.
class PlanBuilder {
 public:
  PlanBuilder(const Node& self, const Options& options, const Underlay& underlay)
      : self_(self), options_(options), underlay_(underlay) {}

  Desired plan(std::span<const Node> peers) {
    if (needs_tunnel(peers)) add_overlays();
    make_room(peers);
    for (const base::Prefix& range : self_.ranges)
      desired_.routes.push_back({.dst = range.network(),
                                 .protocol = kProtocolBlackhole,
                                 .blackhole = true,
                                 .metric = kBlackholeMetric});
    for (const Node& peer : peers)
      if (peer.name != self_.name) add_peer(peer);
    add_traffic(peers);
    if (hidden_problems_ > 0)
      desired_.problems.push_back("and " + std::to_string(hidden_problems_) + " more");
    return std::move(desired_);
  }

 private:
  Backend backend_of(const Node& peer) const { return peer.backend.value_or(options_.backend); }
  bool needs_tunnel(std::span<const Node> peers) const;
  void make_room(std::span<const Node> peers);
  void add_overlays();
  void add_overlay(int family, const std::string& name, const std::vector<base::Prefix>& ranges);
  int tunnel_mtu(int family, const std::vector<base::Prefix>& ranges);
  void add_peer(const Node& peer);
  void add_fallback(const Node& peer);
  bool add_direct(const Node& peer, const base::Prefix& range);
  bool is_on_link(const base::IpAddress& address) const;
  Overlay* overlay_for(int range_family);
  bool add_remote_end(const Node& peer, Overlay& overlay);
  void add_tunnelled(Overlay& overlay, const base::Mac& mac, const base::Prefix& range);
  void add_traffic(std::span<const Node> peers);
  void add_speakers(Traffic& traffic, std::span<const Node> peers) const;
  void complain(std::string problem);
  /// Ranges of a family that this node's pods do not have need no route.
  bool is_used(int family) const { return self_.ranges.empty() || has_range_of(self_, family); }

  const Node& self_;
  const Options& options_;
  const Underlay& underlay_;
  Desired desired_;
  std::unordered_set<std::uint64_t> macs_;
  std::size_t hidden_problems_ = 0;
};

void PlanBuilder::complain(std::string problem) {
  constexpr std::size_t kShown = 20;
  // A node without an address causes a problem for each of its ranges; report one.
  if (!desired_.problems.empty() && desired_.problems.back() == problem) return;
  if (desired_.problems.size() < kShown)
    desired_.problems.push_back(std::move(problem));
  else
    ++hidden_problems_;
}

bool PlanBuilder::needs_tunnel(std::span<const Node> peers) const {
  const auto tunnels = [](Backend backend) {
    return backend == Backend::vxlan || backend == Backend::automatic;
  };
  return tunnels(options_.backend) || tunnels(backend_of(self_)) ||
         std::ranges::any_of(peers, [&](const Node& peer) {
           return peer.name != self_.name && tunnels(backend_of(peer));
         });
}

/// Tables of thousands that grow are copied again and again, and keep room for as many more.
void PlanBuilder::make_room(std::span<const Node> peers) {
  std::size_t ranges = self_.ranges.size();
  for (const Node& peer : peers) ranges += peer.ranges.size();
  desired_.routes.reserve(ranges);
  if (!desired_.overlays.empty()) macs_.reserve(desired_.overlays.size() * (peers.size() + 1));
  for (Overlay& overlay : desired_.overlays) {
    overlay.fdb.reserve(peers.size());
    overlay.neighbors.reserve(ranges);
  }
}

int PlanBuilder::tunnel_mtu(int family, const std::vector<base::Prefix>& ranges) {
  const int room = underlay_.mtu - vxlan_overhead(family);
  const int mtu = options_.mtu != 0 ? options_.mtu : room;
  const bool v6 =
      std::ranges::any_of(ranges, [](const base::Prefix& range) { return !range.address.is_v4(); });
  const int least = v6 ? kMinimumMtuV6 : kMinimumMtuV4;
  if (mtu < least)
    throw std::invalid_argument("MTU " + std::to_string(mtu) + " of the tunnel is below " +
                                std::to_string(least) + ", the least for " +
                                std::string(v6 ? "IPv6" : "IPv4") + " pods: \"" + underlay_.parent +
                                "\" has " + std::to_string(underlay_.mtu) + " and VXLAN takes " +
                                std::to_string(vxlan_overhead(family)));
  if (mtu > room)
    complain("mtu " + std::to_string(mtu) + ": packets above " + std::to_string(room) +
             " do not fit through \"" + underlay_.parent + "\" (MTU " +
             std::to_string(underlay_.mtu) + " less " + std::to_string(vxlan_overhead(family)) +
             ")");
  return mtu;
}

void PlanBuilder::add_overlay(int family, const std::string& name,
                              const std::vector<base::Prefix>& ranges) {
  const auto local = self_.address_of(family);
  if (!local)
    throw std::invalid_argument("node \"" + base::printable(self_.name) + "\" has no " +
                                std::string(family_word(family)) +
                                " address for the tunnel: give it one or choose the other family");
  if (const std::string problem = base::ifname_problem(name); !problem.empty())
    throw std::invalid_argument("device \"" + name + "\": " + problem);
  const auto& given = family == AF_INET ? self_.mac : self_.mac_v6;
  Overlay overlay{.device = {.name = name,
                             .vni = options_.vni,
                             .port = options_.port,
                             .local = *local,
                             .mac = given.value_or(vtep_mac(*local)),
                             .mtu = tunnel_mtu(family, ranges)}};
  for (const base::Prefix& range : ranges)
    overlay.device.addresses.push_back(base::host_prefix(range.network().address));
  macs_.insert(overlay.device.mac.number());
  desired_.overlays.push_back(std::move(overlay));
}

void PlanBuilder::add_overlays() {
  if (!options_.flannel)
    return add_overlay(underlay_family_of(self_, options_), options_.device, self_.ranges);
  for (const int family : {AF_INET, AF_INET6}) {
    if (self_.ranges.empty() ? !self_.address_of(family) : !has_range_of(self_, family)) continue;
    std::vector<base::Prefix> ranges;
    std::ranges::copy_if(self_.ranges, std::back_inserter(ranges), [&](const base::Prefix& range) {
      return range.address.family() == family;
    });
    const std::string stem = family == AF_INET ? "flannel." : "flannel-v6.";
    add_overlay(family, stem + std::to_string(options_.vni), ranges);
  }
}

/// The tunnel for ranges of a family: the only one, or with flannel the one of the same family.
Overlay* PlanBuilder::overlay_for(int range_family) {
  const auto found = std::ranges::find_if(desired_.overlays, [&](const Overlay& overlay) {
    return !options_.flannel || overlay.device.local.family() == range_family;
  });
  return found == desired_.overlays.end() ? nullptr : &*found;
}

bool PlanBuilder::is_on_link(const base::IpAddress& address) const {
  return base::any_contains(underlay_.subnets, address);
}

/// Returns whether the peer can be the next hop itself.
bool PlanBuilder::add_direct(const Node& peer, const base::Prefix& range) {
  auto gateway = peer.address_of(range.address.family());
  // An IPv4 range can have an IPv6 next hop (RTA_VIA, kernel 5.2), but not the other way round.
  if (range.address.is_v4() && !(gateway && is_on_link(*gateway)))
    gateway = peer.address_of(AF_INET6);
  if (!gateway || !is_on_link(*gateway)) return false;
  desired_.routes.push_back(
      {.dst = range, .gateway = gateway, .device = underlay_.parent, .protocol = kProtocolDirect});
  return true;
}

void PlanBuilder::add_tunnelled(Overlay& overlay, const base::Mac& mac, const base::Prefix& range) {
  overlay.neighbors.push_back({range.address, mac});
  desired_.routes.push_back({.dst = range,
                             .gateway = range.address,
                             .device = overlay.device.name,
                             .protocol = kProtocolVxlan,
                             .onlink = true});
}

/// The peer's end of the tunnel, once for all of its ranges; false where it cannot have one.
bool PlanBuilder::add_remote_end(const Node& peer, Overlay& overlay) {
  const int family = overlay.device.local.family();
  const auto remote = peer.address_of(family);
  if (!remote) {
    complain("node \"" + base::printable(peer.name) + "\": no " + std::string(family_word(family)) +
             " address, so no tunnel to it");
    return false;
  }
  const auto& given = family == AF_INET ? peer.mac : peer.mac_v6;
  const base::Mac mac = given.value_or(vtep_mac(*remote));
  if (!overlay.fdb.empty() && overlay.fdb.back() == FdbEntry{mac, *remote}) return true;
  if (!macs_.insert(mac.number()).second) {
    complain("node \"" + base::printable(peer.name) + "\": MAC " + mac.text() +
             " of its tunnel is another node's, so no tunnel to it");
    return false;
  }
  overlay.fdb.push_back({mac, *remote});
  return true;
}

/// A peer that uses BGP reaches this node, which does not, by this node's backend. A route that
/// BIRD left before this node left BGP takes precedence while it exists.
void PlanBuilder::add_fallback(const Node& peer) {
  Node same = peer;
  same.backend = backend_of(self_);
  if (same.backend == Backend::bgp) return;
  const std::size_t before = desired_.routes.size();
  add_peer(same);
  for (std::size_t i = before; i < desired_.routes.size(); ++i)
    desired_.routes[i].metric = kFallbackMetric;
}

void PlanBuilder::add_peer(const Node& peer) {
  const Backend backend = backend_of(peer);
  if (backend == Backend::bgp) return add_fallback(peer);
  // Where this node tunnels to all others, a peer with backend auto is reached through the tunnel,
  // too, so that the packets of both directions take one path.
  const bool goes_direct = backend_of(self_) != Backend::vxlan || backend == Backend::host_gw;
  std::array<std::optional<bool>, 2> reachable;  // by family of the range: one complaint each
  for (const base::Prefix& given : peer.ranges) {
    const base::Prefix range = given.network();
    const int family = range.address.family();
    if (!is_used(family)) continue;
    if (backend != Backend::vxlan && goes_direct && add_direct(peer, range)) continue;
    auto& has_end = reachable[range.address.is_v4() ? 0 : 1];
    if (backend == Backend::host_gw) {
      if (!has_end)
        complain("node \"" + base::printable(peer.name) + "\": no address for " + range.text() +
                 " on a subnet of \"" + underlay_.parent + "\": host-gw cannot reach it, auto can");
      has_end = false;
      continue;
    }
    Overlay* overlay = overlay_for(family);
    if (overlay == nullptr) continue;
    if (!has_end) has_end = add_remote_end(peer, *overlay);
    if (*has_end) add_tunnelled(*overlay, overlay->fdb.back().mac, range);
  }
}

/// Its pods' addresses, and its own: a program on a node may have bound its socket to one.
void add_tunnel_sources(Traffic& traffic, const Node& peer, const base::IpAddress& sender) {
  for (const base::Prefix& range : peer.ranges)
    traffic.tunnel_sources.push_back({sender, range.network()});
  for (const base::IpAddress& address : peer.addresses)
    traffic.tunnel_sources.push_back({sender, base::host_prefix(address)});
}

void PlanBuilder::add_speakers(Traffic& traffic, std::span<const Node> peers) const {
  const auto speaks = [&](const Node& node) { return backend_of(node) == Backend::bgp; };
  traffic.bgp = speaks(self_) || std::ranges::any_of(peers, speaks);
  if (!traffic.bgp) return;
  for (const Node& peer : peers)
    if (peer.name != self_.name)
      traffic.speakers.insert(traffic.speakers.end(), peer.addresses.begin(), peer.addresses.end());
}

void PlanBuilder::add_traffic(std::span<const Node> peers) {
  Traffic traffic{.own_ranges = self_.ranges,
                  .cluster_ranges = options_.cluster_ranges,
                  .no_masquerade = options_.no_masquerade,
                  .masquerade = options_.masquerade};
  if (traffic.cluster_ranges.empty()) {
    traffic.cluster_ranges = self_.ranges;
    for (const Node& peer : peers)
      traffic.cluster_ranges.insert(traffic.cluster_ranges.end(), peer.ranges.begin(),
                                    peer.ranges.end());
  }
  if (!desired_.overlays.empty()) {
    traffic.vxlan_ports = {options_.port};
    traffic.vnis = {options_.vni};
  }
  // All nodes, tunnelled to or not: two nodes may disagree on whether they share a subnet.
  traffic.vteps.reserve(desired_.overlays.size() * peers.size());
  for (const Overlay& overlay : desired_.overlays)
    for (const Node& peer : peers)
      if (const auto address = peer.address_of(overlay.device.local.family());
          address && peer.name != self_.name) {
        traffic.vteps.push_back(*address);
        add_tunnel_sources(traffic, peer, *address);
      }
  add_speakers(traffic, peers);
  if (!desired_.overlays.empty() || traffic.bgp) traffic.parent = underlay_.parent;
  desired_.traffic = std::move(traffic);
}

}  // namespace

int vxlan_overhead(int underlay_family) {
  // Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40.
  return underlay_family == AF_INET ? 50 : 70;
}

int pod_mtu(const Options& options, const Underlay& underlay, int underlay_family) {
  if (options.mtu != 0) return options.mtu;
  const bool tunnel = options.backend == Backend::vxlan || options.backend == Backend::automatic;
  return tunnel ? underlay.mtu - vxlan_overhead(underlay_family) : underlay.mtu;
}

std::vector<base::Prefix> routed_ranges(const Desired& desired) {
  std::vector<base::Prefix> ranges;
  for (const FabricRoute& route : desired.routes)
    if (!route.blackhole && route.metric != kFallbackMetric) ranges.push_back(route.dst.network());
  return ranges;
}

Desired plan(const Node& self, std::span<const Node> peers, const Options& options,
             const Underlay& underlay) {
  return PlanBuilder(self, options, underlay).plan(peers);
}

}  // namespace fabric
