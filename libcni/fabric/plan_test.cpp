// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/plan.h"

#include <sys/socket.h>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fabric {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

base::IpAddress address(const std::string& text) {
  return base::IpAddress::parse(text).value();
}
base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}

Node node(const std::string& name, const std::vector<std::string>& addresses,
          const std::vector<std::string>& ranges) {
  Node made{.name = name};
  for (const auto& text : addresses) made.addresses.push_back(address(text));
  for (const auto& text : ranges) made.ranges.push_back(prefix(text));
  return made;
}

Underlay underlay() {
  return {.parent = "eth0", .mtu = 1500, .subnets = {prefix("10.0.0.0/24"), prefix("fd00::/64")}};
}

const Node kSelf = node("a", {"10.0.0.1"}, {"10.244.1.0/24"});
const Node kNear = node("b", {"10.0.0.2"}, {"10.244.2.0/24"});
const Node kFar = node("c", {"10.0.9.3"}, {"10.244.3.0/24"});

/// Routes to other nodes in the words of `ip route`.
std::vector<std::string> remote_routes(const Desired& desired) {
  std::vector<std::string> lines;
  for (const FabricRoute& route : desired.routes)
    if (!route.blackhole)
      lines.push_back(route.dst.text() + " via " + route.gateway->text() + " dev " + route.device +
                      " proto " + std::to_string(route.protocol) + (route.onlink ? " onlink" : ""));
  return lines;
}

std::string refusal(const Node& self, const Options& options, const Underlay& connection) {
  try {
    plan(self, {}, options, connection);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(FabricPlan, RoutesDirectlyWhenBothNodesDo) {  // L6
  struct Case {
    Backend own, peer;
    bool direct;
  };
  for (const Case& each : {Case{Backend::automatic, Backend::automatic, true},
                           Case{Backend::automatic, Backend::vxlan, false},
                           Case{Backend::vxlan, Backend::automatic, false},
                           Case{Backend::vxlan, Backend::vxlan, false},
                           Case{Backend::host_gw, Backend::automatic, true},
                           Case{Backend::vxlan, Backend::host_gw, true}}) {
    Node peer = node("b", {"10.0.0.2"}, {"10.244.2.0/24"});
    peer.backend = each.peer;
    const Desired desired = plan(node("a", {"10.0.0.1"}, {"10.244.1.0/24"}), std::vector{peer},
                                 {.backend = each.own}, underlay());
    EXPECT_EQ(std::ranges::count(desired.routes, kProtocolDirect, &FabricRoute::protocol),
              each.direct ? 1 : 0)
        << word_of(each.own) << " " << word_of(each.peer);
  }
}

TEST(FabricPlan, VxlanNeedsOneFdbEntryNeighbourAndRoutePerPeer) {
  const Desired desired =
      plan(kSelf, std::vector{kSelf, kNear, kFar}, {.backend = Backend::vxlan}, underlay());
  ASSERT_THAT(desired.overlays, SizeIs(1));
  const Overlay& overlay = desired.overlays[0];
  EXPECT_EQ(overlay.device, (VxlanDevice{.name = "plumb-vxlan",
                                         .local = address("10.0.0.1"),
                                         .mac = vtep_mac(address("10.0.0.1")),
                                         .addresses = {prefix("10.244.1.0/32")}}));
  const base::Mac near = vtep_mac(address("10.0.0.2"));
  const base::Mac far = vtep_mac(address("10.0.9.3"));
  EXPECT_THAT(overlay.fdb,
              ElementsAre(FdbEntry{near, address("10.0.0.2")}, FdbEntry{far, address("10.0.9.3")}));
  EXPECT_THAT(overlay.neighbors, ElementsAre(NeighborEntry{address("10.244.2.0"), near},
                                             NeighborEntry{address("10.244.3.0"), far}));
  EXPECT_THAT(remote_routes(desired),
              ElementsAre("10.244.2.0/24 via 10.244.2.0 dev plumb-vxlan proto 86 onlink",
                          "10.244.3.0/24 via 10.244.3.0 dev plumb-vxlan proto 86 onlink"));
  EXPECT_THAT(desired.problems, IsEmpty());
}

TEST(FabricPlan, AutomaticTunnelsOnlyToOtherSubnets) {
  const Desired desired = plan(kSelf, std::vector{kNear, kFar}, {}, underlay());
  EXPECT_THAT(remote_routes(desired),
              ElementsAre("10.244.2.0/24 via 10.0.0.2 dev eth0 proto 87",
                          "10.244.3.0/24 via 10.244.3.0 dev plumb-vxlan proto 86 onlink"));
  EXPECT_THAT(desired.overlays[0].fdb,
              ElementsAre(FdbEntry{vtep_mac(address("10.0.9.3")), address("10.0.9.3")}));
}

TEST(FabricPlan, AcceptsTunnelPacketsFromEveryNode) {
  const Desired desired = plan(kSelf, std::vector{kSelf, kNear, kFar}, {}, underlay());
  EXPECT_THAT(desired.traffic->vteps, ElementsAre(address("10.0.0.2"), address("10.0.9.3")));
  EXPECT_THAT(desired.traffic->vxlan_ports, ElementsAre(4789));
  EXPECT_EQ(desired.traffic->parent, "eth0");
  EXPECT_THAT(
      desired.traffic->tunnel_sources,
      AllOf(Contains(TunnelSource{address("10.0.0.2"), prefix("10.244.2.0/24")}),
            Contains(TunnelSource{address("10.0.0.2"), prefix("10.0.0.2/32")}),
            Each(Field(&TunnelSource::sender, AnyOf(address("10.0.0.2"), address("10.0.9.3"))))));
}

TEST(FabricPlan, LeavesOutAndNamesNodesOffLinkWithHostGw) {
  const Desired desired =
      plan(kSelf, std::vector{kFar, kNear}, {.backend = Backend::host_gw}, underlay());
  EXPECT_THAT(desired.overlays, IsEmpty());
  EXPECT_THAT(remote_routes(desired), ElementsAre("10.244.2.0/24 via 10.0.0.2 dev eth0 proto 87"));
  EXPECT_THAT(desired.problems, ElementsAre(HasSubstr("node \"c\"")));
  EXPECT_THAT(desired.traffic->vxlan_ports, IsEmpty());
}

TEST(FabricPlan, BgpLeavesRemoteRoutesToBirdAndKeepsTheBlackhole) {
  const Desired desired =
      plan(kSelf, std::vector{kNear, kFar}, {.backend = Backend::bgp}, underlay());
  EXPECT_THAT(desired.overlays, IsEmpty());
  EXPECT_THAT(desired.routes, ElementsAre(FabricRoute{.dst = prefix("10.244.1.0/24"),
                                                      .protocol = kProtocolBlackhole,
                                                      .blackhole = true,
                                                      .metric = kBlackholeMetric}));
  EXPECT_TRUE(desired.traffic.has_value());
}

// K3: between a node with BGP and one without, packets of both directions take one path.
TEST(FabricPlan, ReachesABgpNodeByItsOwnBackendWithoutARouteOfBird) {
  for (const Backend own : {Backend::vxlan, Backend::automatic, Backend::host_gw}) {
    Node peer = kNear, self = kSelf;
    peer.backend = Backend::bgp;
    self.backend = own;
    const Options options{.backend = Backend::bgp};
    const auto there = plan(self, std::vector{peer}, options, underlay()).routes;
    const auto back = plan(peer, std::vector{self}, options, underlay()).routes;
    ASSERT_THAT(there, SizeIs(2)) << word_of(own);
    ASSERT_THAT(back, SizeIs(2)) << word_of(own);
    EXPECT_EQ(there[1].metric, kFallbackMetric);
    EXPECT_EQ(back[1].metric, 0u);
    EXPECT_EQ(there[1].device, back[1].device);
  }
}

TEST(FabricPlan, PeersOwnBackendWinsOverTheClusters) {
  Node flannel = kNear;
  flannel.backend = Backend::vxlan;
  flannel.mac = base::Mac::parse("aa:bb:cc:dd:ee:ff");
  const Desired desired =
      plan(kSelf, std::vector{flannel, kFar}, {.backend = Backend::bgp}, underlay());
  ASSERT_THAT(desired.overlays, SizeIs(1));
  EXPECT_THAT(desired.overlays[0].fdb, ElementsAre(FdbEntry{*flannel.mac, address("10.0.0.2")}));
  EXPECT_THAT(remote_routes(desired),
              ElementsAre("10.244.2.0/24 via 10.244.2.0 dev plumb-vxlan proto 86 onlink"));
}

TEST(FabricPlan, BothFamiliesGoThroughOneTunnel) {
  const Node self = node("a", {"10.0.0.1", "fd00::1"}, {"10.244.1.0/24", "fd10:1::/64"});
  const Node peer = node("b", {"10.0.9.2", "fd00:9::2"}, {"10.244.2.0/24", "fd10:2::/64"});
  for (const int family : {AF_INET, AF_INET6}) {
    const Desired desired = plan(self, std::vector{peer}, {.underlay_family = family}, underlay());
    ASSERT_THAT(desired.overlays, SizeIs(1));
    const Overlay& overlay = desired.overlays[0];
    EXPECT_EQ(overlay.device.mtu, family == AF_INET ? 1450 : 1430);
    EXPECT_THAT(overlay.device.addresses,
                ElementsAre(prefix("10.244.1.0/32"), prefix("fd10:1::/128")));
    EXPECT_THAT(overlay.fdb, ElementsAre(FdbEntry{vtep_mac(*peer.address_of(family)),
                                                  *peer.address_of(family)}));
    EXPECT_THAT(overlay.neighbors, SizeIs(2));
    EXPECT_THAT(desired.traffic->vteps, ElementsAre(*peer.address_of(family)));
  }
}

TEST(FabricPlan, Ipv4RangesHaveAnIpv6NextHopWhereTheNodesHaveOnlyIpv6) {
  const Node self = node("a", {"fd00::1"}, {"10.244.1.0/24"});
  const Node peer = node("b", {"fd00::2"}, {"10.244.2.0/24"});
  const Desired desired = plan(self, std::vector{peer}, {.backend = Backend::host_gw}, underlay());
  EXPECT_THAT(remote_routes(desired), ElementsAre("10.244.2.0/24 via fd00::2 dev eth0 proto 87"));
}

TEST(FabricPlan, FlannelHasADeviceForEachFamily) {
  Node self = node("a", {"10.0.0.1", "fd00::1"}, {"10.244.1.0/24", "fd10:1::/64"});
  Node peer = node("b", {"10.0.0.2", "fd00::2"}, {"10.244.2.0/24", "fd10:2::/64"});
  peer.mac = base::Mac::parse("aa:00:00:00:00:04");
  peer.mac_v6 = base::Mac::parse("aa:00:00:00:00:06");
  self.mac_v6 = base::Mac::parse("aa:00:00:00:00:66");
  const Desired desired =
      plan(self, std::vector{peer}, {.backend = Backend::vxlan, .port = 8472, .flannel = true},
           underlay());
  ASSERT_THAT(desired.overlays, SizeIs(2));
  EXPECT_EQ(desired.overlays[0].device.name, "flannel.1");
  EXPECT_EQ(desired.overlays[1].device.name, "flannel-v6.1");
  EXPECT_EQ(desired.overlays[1].device.mac, *self.mac_v6);
  EXPECT_EQ(desired.overlays[1].device.mtu, 1430);
  EXPECT_THAT(desired.overlays[0].fdb, ElementsAre(FdbEntry{*peer.mac, address("10.0.0.2")}));
  EXPECT_THAT(desired.overlays[1].fdb, ElementsAre(FdbEntry{*peer.mac_v6, address("fd00::2")}));
  EXPECT_THAT(desired.overlays[0].device.addresses, ElementsAre(prefix("10.244.1.0/32")));
  EXPECT_THAT(remote_routes(desired),
              ElementsAre("10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 86 onlink",
                          "fd10:2::/64 via fd10:2:: dev flannel-v6.1 proto 86 onlink"));
}

TEST(FabricPlan, EveryRangeOfANodeIsRoutedWhileItChanges) {
  const Node self = node("a", {"10.0.0.1"}, {"10.244.1.0/24", "10.244.7.0/24"});
  const Node peer = node("b", {"10.0.9.2"}, {"10.244.2.0/24", "10.244.8.0/24"});
  const Desired desired = plan(self, std::vector{peer}, {}, underlay());
  EXPECT_THAT(desired.overlays[0].device.addresses,
              ElementsAre(prefix("10.244.1.0/32"), prefix("10.244.7.0/32")));
  EXPECT_THAT(desired.overlays[0].fdb, SizeIs(1));
  EXPECT_THAT(desired.overlays[0].neighbors, SizeIs(2));
  EXPECT_THAT(desired.routes, SizeIs(4));
}

TEST(FabricPlan, LeavesOutAPeerWithoutAddressOrWithATakenMacAlone) {
  const Node silent = node("d", {"fd00:9::4"}, {"10.244.4.0/24", "10.244.5.0/24"});
  Node twin = node("e", {"10.0.9.5"}, {"10.244.6.0/24"});
  twin.mac = vtep_mac(address("10.0.0.1"));
  const Desired desired = plan(kSelf, std::vector{silent, twin, kFar}, {}, underlay());
  EXPECT_THAT(remote_routes(desired), SizeIs(1));
  EXPECT_THAT(desired.problems,
              ElementsAre(HasSubstr("node \"d\""), HasSubstr("02:76:0a:00:00:01")));
}

TEST(FabricPlan, ManyProblemsAreCounted) {
  std::vector<Node> peers;
  for (int i = 0; i < 100; ++i)
    peers.push_back(node("n" + std::to_string(i), {"10.9.0.1"}, {"10.245.0.0/24"}));
  const Desired desired = plan(kSelf, peers, {.backend = Backend::host_gw}, underlay());
  ASSERT_THAT(desired.problems, SizeIs(21));
  EXPECT_EQ(desired.problems.back(), "and 80 more");
}

TEST(FabricPlan, FamilyThatOwnPodsLackIsNotRouted) {
  const Node peer = node("b", {"10.0.9.2"}, {"10.244.2.0/24", "fd10:2::/64"});
  EXPECT_THAT(remote_routes(plan(kSelf, std::vector{peer}, {}, underlay())), SizeIs(1));
  const Node observer = node("a", {"10.0.0.1"}, {});
  EXPECT_THAT(remote_routes(plan(observer, std::vector{peer}, {}, underlay())), SizeIs(2));
}

TEST(FabricPlan, ClusterRangesDefaultToThoseOfTheNodes) {
  const Desired derived = plan(kSelf, std::vector{kNear}, {}, underlay());
  EXPECT_THAT(derived.traffic->cluster_ranges,
              ElementsAre(prefix("10.244.1.0/24"), prefix("10.244.2.0/24")));
  const Desired given =
      plan(kSelf, std::vector{kNear}, {.cluster_ranges = {prefix("10.244.0.0/16")}}, underlay());
  EXPECT_THAT(given.traffic->cluster_ranges, ElementsAre(prefix("10.244.0.0/16")));
}

TEST(FabricPlan, NamesWhatCannotWork) {
  EXPECT_THAT(refusal(node("a", {"fd00::1"}, {}), {.underlay_family = AF_INET}, underlay()),
              HasSubstr("node \"a\" has no IPv4 address"));
  Underlay narrow = underlay();
  narrow.mtu = 1300;
  const Node dual = node("a", {"10.0.0.1", "fd00::1"}, {"fd10:1::/64"});
  EXPECT_THAT(refusal(dual, {}, narrow), HasSubstr("MTU 1250 of the tunnel is below 1280"));
  EXPECT_EQ(refusal(kSelf, {}, narrow), "");
  EXPECT_THAT(refusal(dual, {.vni = 1234567, .flannel = true}, underlay()),
              HasSubstr("flannel-v6.1234567"));
}

TEST(FabricPlan, MtuThatTheUnderlayCannotCarryIsAProblem) {
  const Desired desired = plan(kSelf, {}, {.mtu = 1500}, underlay());
  EXPECT_EQ(desired.overlays[0].device.mtu, 1500);
  EXPECT_THAT(desired.problems, ElementsAre(HasSubstr("mtu 1500: packets above 1450")));
}

TEST(PodMtu, IsTheTunnelsWhereThereCanBeOne) {
  EXPECT_EQ(pod_mtu({}, underlay(), AF_INET), 1450);
  EXPECT_EQ(pod_mtu({}, underlay(), AF_INET6), 1430);
  EXPECT_EQ(pod_mtu({.backend = Backend::host_gw}, underlay(), AF_INET), 1500);
  EXPECT_EQ(pod_mtu({.mtu = 1400}, underlay(), AF_INET), 1400);
}

}  // namespace
}  // namespace fabric
