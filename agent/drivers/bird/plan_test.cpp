// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/plan.h"

#include <sys/socket.h>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/bird/names.h"
#include "agent/drivers/bird/notes.h"
#include "agent/drivers/bird/render.h"

namespace agent::bird {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

base::IpAddress ip(const std::string& text) {
  return *base::IpAddress::parse(text);
}
base::Prefix net(const std::string& text) {
  return *base::Prefix::parse(text);
}

fabric::Node node(int number, const std::string& families = "46") {
  const std::string n = std::to_string(number);
  fabric::Node out{.name = "n" + n};
  if (families.find('4') != std::string::npos) {
    out.addresses.push_back(ip("192.0.2." + n));
    out.ranges.push_back(net("10.244." + n + ".0/24"));
  }
  if (families.find('6') != std::string::npos) {
    out.addresses.push_back(ip("fd00:a::" + n));
    out.ranges.push_back(net("fd00:244:0:" + n + "::/64"));
  }
  return out;
}

class BirdPlan : public testing::Test {
 protected:
  BirdPlan() {
    config.fabric.backend = fabric::Backend::bgp;
    config.fabric.cluster_ranges = {net("10.244.0.0/16"), net("fd00:244::/48")};
    underlay.parent = "eth0";
    underlay.subnets = {net("192.0.2.0/24"), net("fd00:a::/64"), net("fe80::/64")};
    cluster.nodes = {node(1), node(2), node(3)};
  }
  Configuration desired(std::size_t self = 0) {
    return plan(config.bgp, cluster, {cluster.nodes.at(self), underlay, config.fabric});
  }
  const Session& session(const Configuration& of, const std::string& name) {
    for (const Session& each : of.sessions)
      if (each.name == name) return each;
    throw std::out_of_range("no session " + name);
  }
  std::vector<std::string> names(const Configuration& of) {
    std::vector<std::string> out;
    for (const Session& each : of.sessions) out.push_back(each.name);
    return out;
  }
  void choose_reflectors(std::initializer_list<std::size_t> chosen) {
    config.bgp.reflectors = {{"reflector", "yes"}};
    for (const std::size_t each : chosen) cluster.nodes.at(each).labels = {{"reflector", "yes"}};
  }
  Config config;
  Snapshot cluster;
  fabric::Underlay underlay;
};

TEST_F(BirdPlan, MeshHasASessionPerNodeAndCommonFamily) {
  const Configuration wanted = desired();
  EXPECT_THAT(names(wanted), ElementsAre("node.n2.v4", "node.n2.v6", "node.n3.v4", "node.n3.v6"));
  EXPECT_EQ(wanted.router_id, 0xc0000201u);
  const Session& v4 = session(wanted, "node.n2.v4");
  EXPECT_EQ(v4.hops, 0);
  EXPECT_EQ(v4.connect_delay, 1);
  EXPECT_EQ(v4.hold, 9);
  EXPECT_TRUE(v4.graceful_restart);
  EXPECT_THAT(v4.families, ElementsAre(AF_INET));
  EXPECT_THAT(session(wanted, "node.n2.v6").families, ElementsAre(AF_INET6));
}

TEST_F(BirdPlan, NodesOfOtherBackendsAreLeftOut) {
  cluster.nodes[1].backend = fabric::Backend::vxlan;
  EXPECT_THAT(names(desired()), ElementsAre("node.n3.v4", "node.n3.v6"));
  cluster.nodes[0].backend = fabric::Backend::vxlan;
  EXPECT_THAT(names(desired()), IsEmpty());
}

// K3: the others would lose the way to its pods while they use BGP.
TEST_F(BirdPlan, ANodeThatLeavesBgpKeepsItsSessionsWithNodesThatMayUseIt) {
  const std::string before = render(desired(), {});
  config.fabric.backend = fabric::Backend::vxlan;
  const Place place{.self = cluster.nodes[0],
                    .underlay = underlay,
                    .options = config.fabric,
                    .routed = {net("10.244.2.0/24"), net("fd00:244:0:2::/64")},
                    .configuration = before};
  const auto kept = [&] { return plan(config.bgp, cluster, place).kept; };
  EXPECT_THAT(kept(), SizeIs(4));
  cluster.nodes[1].backend = fabric::Backend::bgp;
  EXPECT_THAT(kept(), SizeIs(4));
  cluster.nodes[1].backend = fabric::Backend::vxlan;
  EXPECT_THAT(kept(), SizeIs(2));
  cluster.nodes.pop_back();
  EXPECT_THAT(kept(), IsEmpty());
  const Configuration wanted = plan(config.bgp, cluster, place);
  EXPECT_TRUE(wanted.left);
  EXPECT_THAT(wanted.sessions, IsEmpty());
  ASSERT_THAT(wanted.families, SizeIs(2));
  EXPECT_THAT(wanted.families[1].routed, ElementsAre(net("fd00:244:0:2::/64")));
  EXPECT_EQ(wanted.families[0].routed_longest, 32);
}

TEST_F(BirdPlan, ANodeThatNeverUsedBgpHasSessionsWithItsPeersOnly) {
  config.fabric.backend = fabric::Backend::vxlan;
  config.bgp.peers = {{.name = "tor", .address = ip("192.0.2.254"), .as_number = 65000}};
  const Configuration first = desired();
  EXPECT_THAT(names(first), ElementsAre("peer.tor.v4"));
  const Place place{.self = cluster.nodes[0],
                    .underlay = underlay,
                    .options = config.fabric,
                    .routed = {net("10.244.2.0/24")},
                    .configuration = render(first, {})};
  const Configuration again = plan(config.bgp, cluster, place);
  EXPECT_THAT(again.kept, IsEmpty());
  EXPECT_FALSE(again.left);
  EXPECT_EQ(again.families[0].routed_longest, 31);
}

TEST_F(BirdPlan, Ipv4PodsBehindIpv6NodesGoOverTheIpv6Session) {
  cluster.nodes[1].addresses = {ip("fd00:a::2")};
  EXPECT_THAT(session(desired(), "node.n2.v6").families, ElementsAre(AF_INET, AF_INET6));
}

TEST_F(BirdPlan, Ipv6PodsOfAnIpv4NodeAreAProblemAndTheRestIsPlanned) {
  cluster.nodes[1].addresses = {ip("192.0.2.2")};
  const Configuration wanted = desired();
  EXPECT_THAT(names(wanted), ElementsAre("node.n2.v4", "node.n3.v4", "node.n3.v6"));
  EXPECT_THAT(wanted.problems,
              ElementsAre("node \"n2\": IPv6 pods need IPv6 addresses of both nodes in BGP mode"));
}

TEST_F(BirdPlan, NodesBehindARouterAreMultihop) {
  cluster.nodes[1].addresses = {ip("198.51.100.2")};
  EXPECT_EQ(session(desired(), "node.n2.v4").hops, 255);
}

// S4
TEST_F(BirdPlan, NotesSayHowManySessionsHaveNoPassword) {
  config.bgp.peers = {{.name = "tor", .address = ip("192.0.2.254"), .as_number = 65000}};
  EXPECT_THAT(desired().notes, ElementsAre("5 of 5 BGP sessions have no password, such as the one "
                                           "with \"n2\": set bgp.passwordFile"));
  EXPECT_THAT(notes_on(config),
              ElementsAre("bgp.passwordFile: not set: BGP sessions between nodes have no password",
                          "bgp.peers: 1 of 1 have no password, such as \"tor\": set passwordFile"));
  config.bgp.password_file = "/etc/plumb/bgp-password";
  EXPECT_THAT(desired().notes, ElementsAre("1 of 5 BGP sessions have no password, such as the one "
                                           "with \"tor\": set passwordFile of that peer"));
  EXPECT_THAT(notes_on(config), SizeIs(1));
  config.bgp.peers[0].password_file = "/etc/plumb/tor-password";
  EXPECT_THAT(desired().notes, IsEmpty());
  EXPECT_THAT(notes_on(config), IsEmpty());
}

// S4
TEST_F(BirdPlan, SessionsOnACommonLinkHaveTtlSecurityUnlessItIsOff) {
  choose_reflectors({2});
  cluster.nodes[0].addresses = {ip("198.51.100.1")};
  for (const bool on : {true, false}) {
    if (!on) config.bgp.ttl_security = false;
    EXPECT_EQ(session(desired(1), "node.n3.v4").ttl_security, on);
    EXPECT_EQ(session(desired(2), "clients2").ttl_security, on);
    EXPECT_FALSE(session(desired(2), "node.n1.v4").ttl_security) << "behind a router";
  }
}

TEST_F(BirdPlan, BfdReplacesGracefulRestartAndShortHold) {
  config.bgp.bfd = true;
  const Session v4 = session(desired(), "node.n2.v4");
  EXPECT_TRUE(v4.bfd);
  EXPECT_FALSE(v4.graceful_restart);
  EXPECT_EQ(v4.hold, 90);
}

TEST_F(BirdPlan, ClientsHaveSessionsWithReflectorsOnly) {
  choose_reflectors({1, 2});
  cluster.nodes.push_back(node(4));
  const Configuration client = desired(0);
  EXPECT_THAT(names(client), ElementsAre("node.n2.v4", "node.n2.v6", "node.n3.v4", "node.n3.v6"));
  EXPECT_FALSE(session(client, "node.n2.v4").reflected);
  EXPECT_LE(session(client, "node.n2.v4").connect_delay, 6);
  EXPECT_EQ(client.cluster_id, 0u);
}

TEST_F(BirdPlan, ReflectorsWaitForClientsAndPeerAmongThemselves) {
  choose_reflectors({1, 2});
  const Configuration reflector = desired(2);
  EXPECT_THAT(names(reflector), ElementsAre("clients1", "clients2", "node.n2.v4", "node.n2.v6"));
  EXPECT_EQ(reflector.cluster_id, 0xc0000202u) << "the lowest reflector's";
  const Session& clients = session(reflector, "clients1");
  EXPECT_EQ(clients.range, net("192.0.2.0/24"));
  EXPECT_TRUE(clients.rr_client && clients.passive && clients.reflected);
  EXPECT_FALSE(session(reflector, "node.n2.v4").rr_client);
}

TEST_F(BirdPlan, ReflectorsNameClientsOfOtherSubnetsOrAs) {
  choose_reflectors({2});
  cluster.nodes[0].addresses = {ip("198.51.100.1")};
  cluster.nodes[1].as_number = 64999;
  const Configuration reflector = desired(2);
  EXPECT_TRUE(session(reflector, "node.n1.v4").rr_client);
  EXPECT_EQ(session(reflector, "node.n1.v4").hops, 255);
  EXPECT_FALSE(session(reflector, "node.n2.v4").rr_client);
  EXPECT_EQ(session(reflector, "node.n2.v4").remote_as, 64999u);
}

TEST_F(BirdPlan, ThrowsWhenNoNodeHasTheLabels) {
  choose_reflectors({});
  EXPECT_THROW(desired(), std::invalid_argument);
}

TEST_F(BirdPlan, PeersAreChosenByNodeOrLabels) {
  config.bgp.mesh = false;
  config.bgp.peers = {
      {.name = "tor", .address = ip("192.0.2.254"), .as_number = 65000, .nodes = {{"rack", "a"}}},
      {.name = "lab", .address = ip("fd00:a::fe"), .as_number = 65001, .node = "n1"}};
  cluster.nodes[1].labels = {{"rack", "a"}};
  EXPECT_THAT(names(desired(0)), ElementsAre("peer.lab.v6"));
  EXPECT_THAT(names(desired(1)), ElementsAre("peer.tor.v4"));
  EXPECT_TRUE(session(desired(1), "peer.tor.v4").external);
}

TEST_F(BirdPlan, TwoPeersOfOneNameAreRefused) {
  config.bgp.peers = {{.name = "tor", .address = ip("192.0.2.254"), .as_number = 65000},
                      {.name = "tor", .address = ip("192.0.2.253"), .as_number = 65000}};
  EXPECT_THROW(desired(), std::invalid_argument);
}

TEST_F(BirdPlan, FiltersFollowTheRangesOfNodes) {
  cluster.nodes[2].ranges = {net("10.244.3.0/26")};
  const Configuration wanted = desired();
  ASSERT_THAT(wanted.families, SizeIs(2));
  const Filters& v4 = wanted.families[0];
  EXPECT_THAT(v4.own, ElementsAre(net("10.244.1.0/24")));
  EXPECT_EQ(v4.shortest, 24);
  EXPECT_EQ(v4.longest, 26);
  EXPECT_THAT(v4.refused, ElementsAre(net("192.0.2.0/24")));
  EXPECT_THAT(wanted.families[1].refused, ElementsAre(net("fd00:a::/64")));
}

// S4
TEST_F(BirdPlan, SessionsOfAMeshAcceptTheRangesOfTheirNode) {
  const Configuration wanted = desired();
  EXPECT_EQ(session(wanted, "node.n2.v4").accepts, Accepts::node);
  EXPECT_EQ(session(wanted, "node.n2.v4").node_ranges, cluster.nodes[1].ranges);
  EXPECT_EQ(session(wanted, "node.n3.v6").node_ranges, cluster.nodes[2].ranges);
  EXPECT_EQ(wanted.families.at(0).claimed, std::nullopt);
}

// S4
TEST_F(BirdPlan, ANodeWithoutARangeMayAnnounceAddressesInNoNodesRange) {
  cluster.nodes[1].ranges = {net("fd00:244:0:2::/64")};
  const Configuration wanted = desired();
  ASSERT_TRUE(wanted.families.at(0).claimed);
  EXPECT_THAT(*wanted.families[0].claimed, ElementsAre(net("10.244.1.0/24"), net("10.244.3.0/24")));
  EXPECT_EQ(wanted.families.at(1).claimed, std::nullopt);
  EXPECT_EQ(desired(1).families.at(0).claimed, std::nullopt) << "all others have a range";
}

// S4
TEST_F(BirdPlan, OnlySessionsWithReflectorsAndRoutersAcceptTheRoutesOfAllNodes) {
  choose_reflectors({1, 2});
  config.bgp.peers = {{.name = "tor", .address = ip("192.0.2.254"), .as_number = 65000}};
  const Configuration client = desired(0), reflector = desired(2);
  EXPECT_EQ(session(client, "node.n2.v4").accepts, Accepts::cluster);
  EXPECT_EQ(session(client, "peer.tor.v4").accepts, Accepts::cluster);
  EXPECT_EQ(session(reflector, "node.n2.v4").accepts, Accepts::cluster);
  EXPECT_EQ(session(reflector, "clients1").accepts, Accepts::clients);
  EXPECT_THAT(reflector.families.at(0).clients,
              UnorderedElementsAre(Client{ip("192.0.2.1"), {net("10.244.1.0/24")}},
                                   Client{ip("fd00:a::1"), {net("10.244.1.0/24")}},
                                   Client{ip("192.0.2.2"), {net("10.244.2.0/24")}},
                                   Client{ip("fd00:a::2"), {net("10.244.2.0/24")}}));
  EXPECT_THAT(client.families.at(0).clients, IsEmpty());
}

// S4
TEST_F(BirdPlan, ClientsOfOtherSubnetsOrAsAcceptTheirOwnRanges) {
  choose_reflectors({2});
  cluster.nodes[0].addresses = {ip("198.51.100.1")};
  cluster.nodes[1].as_number = 64999;
  const Configuration reflector = desired(2);
  EXPECT_EQ(session(reflector, "node.n1.v4").accepts, Accepts::node);
  EXPECT_EQ(session(reflector, "node.n2.v4").node_ranges, cluster.nodes[1].ranges);
}

TEST_F(BirdPlan, ServiceAddressesInsideTheRangesAreAnnouncedWherePolicyAllows) {
  config.bgp.cluster_ips = {net("10.96.0.0/16")};
  config.bgp.load_balancer_ips = {net("203.0.113.0/24")};
  cluster.services = {
      {.name = "a/any", .cluster_ips = {ip("10.96.0.1"), ip("10.97.0.1")}, .endpoint_nodes = {}},
      {.name = "a/here",
       .load_balancer_ips = {ip("203.0.113.1")},
       .local_policy = true,
       .endpoint_nodes = {"n1"}},
      {.name = "a/there",
       .load_balancer_ips = {ip("203.0.113.2")},
       .local_policy = true,
       .endpoint_nodes = {"n2"}}};
  EXPECT_THAT(desired().families.at(0).services, ElementsAre(ip("10.96.0.1"), ip("203.0.113.1")));
}

// K7
TEST_F(BirdPlan, EachTrafficPolicyRestrictsTheAddressesThatItIsAbout) {
  config.bgp.cluster_ips = {net("10.96.0.0/16")};
  config.bgp.external_ips = {net("198.51.100.0/24")};
  config.bgp.load_balancer_ips = {net("203.0.113.0/24")};
  const Service without_endpoint{.name = "a/s",
                                 .cluster_ips = {ip("10.96.0.1")},
                                 .external_ips = {ip("198.51.100.1")},
                                 .load_balancer_ips = {ip("203.0.113.1")},
                                 .endpoint_nodes = {"n2"}};
  struct Row {
    bool external, internal;
    std::vector<base::IpAddress> announced;
  };
  for (const Row& row :
       {Row{false, false, {ip("10.96.0.1"), ip("198.51.100.1"), ip("203.0.113.1")}},
        Row{false, true, {ip("198.51.100.1"), ip("203.0.113.1")}}, Row{true, false, {}},
        Row{true, true, {}}}) {
    Service service = without_endpoint;
    service.local_policy = row.external;
    service.internal_local_policy = row.internal;
    cluster.services = {service};
    EXPECT_EQ(desired().families.at(0).services, row.announced)
        << "external " << row.external << ", internal " << row.internal;
    cluster.services[0].endpoint_nodes = {"n1", "n2"};
    EXPECT_EQ(desired().families.at(0).services.size(), 3u);
  }
}

TEST_F(BirdPlan, RouterIdsOfIpv6NodesAreStableAndDistinct) {
  const std::vector<fabric::Node> nodes{node(1, "6"), node(2, "6"), node(3, "46")};
  const auto first = router_id(nodes[0], nodes), second = router_id(nodes[1], nodes);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, hash32("fd00:a::1"));
  // An IPv4 node that has the hash as its address.
  fabric::Node clash{.name = "n0"};
  clash.addresses = {ip(dotted(first))};
  const std::vector<fabric::Node> clashing{clash, node(1, "6")};
  EXPECT_EQ(router_id(clashing[1], clashing), first + 1);
}

TEST(BirdNames, SessionNamesFitIntoSymbolsAndStayDistinct) {
  EXPECT_EQ(session_name("node", "worker-1.example", AF_INET), "node.worker-1.example.v4");
  const std::string long_name(200, 'a');
  EXPECT_LE(session_name("node", long_name, AF_INET6).size(), 63u);
  EXPECT_NE(session_name("node", long_name + "1", AF_INET),
            session_name("node", long_name + "2", AF_INET));
  EXPECT_NE(session_name("peer", "a'b", AF_INET), session_name("peer", "ab", AF_INET));
}

}  // namespace
}  // namespace agent::bird
