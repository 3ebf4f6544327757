// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/admit.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/plan/safety_valve.h"
#include "tests/support/nodes.h"

namespace agent {
namespace {

using fabric::Node;
using test::ip;
using test::names;
using test::node;
using test::range;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Admit, LeavesOutTheLaterOfTwoWithOneRangeAndNamesBoth) {
  const std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"),
                          node("b", "192.0.2.2", "10.1.1.0/24"),
                          node("c", "192.0.2.3", "10.1.0.0/16")};
  const Admission result = admit(nodes, {});
  EXPECT_THAT(names(result.nodes), ElementsAre("a"));
  EXPECT_THAT(result.problems,
              ElementsAre("node \"b\" is left out: its range 10.1.1.0/24 overlaps 10.1.1.0/24 of "
                          "node \"a\"",
                          "node \"c\" is left out: its range 10.1.0.0/16 overlaps 10.1.1.0/24 of "
                          "node \"a\""));
}

TEST(Admit, KeepsTheNodeThatTheSourceHadFirst) {
  std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"), node("b", "192.0.2.2", "10.1.1.0/24")};
  nodes[0].since = 20;
  nodes[1].since = 10;
  EXPECT_THAT(names(admit(nodes, {}).nodes), ElementsAre("b"));
  nodes[1].since = 0;
  EXPECT_THAT(names(admit(nodes, {}).nodes), ElementsAre("a")) << "0 is not known";
}

TEST(Admit, KeepsTheNodeOfBeforeWhereTheSourceHasNoAges) {
  const std::vector before{node("b", "192.0.2.2", "10.1.1.0/24")};
  std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/25"), before[0]};
  EXPECT_THAT(names(admit(nodes, {}).nodes), ElementsAre("a"));
  EXPECT_THAT(names(admit(nodes, {.before = before}).nodes), ElementsAre("b"));
  nodes[0].since = 10;
  EXPECT_THAT(names(admit(nodes, {.before = before}).nodes), ElementsAre("b"));
  nodes[1].ranges.push_back(range("10.1.9.0/24"));
  EXPECT_THAT(names(admit(nodes, {.before = before}).nodes), ElementsAre("a")) << "it claims more";
}

TEST(Admit, RefusesSharedAddressesAndAddressesInsideRanges) {
  const std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"),
                          node("b", "192.0.2.1", "10.1.2.0/24"),
                          node("c", "10.1.1.7", "10.1.3.0/24")};
  for (const char* peer : {"b", "c"}) {
    std::vector pair{nodes[0], peer == std::string("b") ? nodes[1] : nodes[2]};
    EXPECT_THAT(names(admit(pair, {.self = "a"}).nodes), ElementsAre("a"));
    EXPECT_THAT(
        admit(pair, {.self = "a"}).problems,
        ElementsAre(HasSubstr(peer == std::string("b")
                                  ? "192.0.2.1 is that of node \"a\""
                                  : "10.1.1.7 lies in the range 10.1.1.0/24 of node \"a\"")));
  }
  // The node that is in conflict with both others is left out (P16).
  EXPECT_THAT(names(admit(nodes, {}).nodes), ElementsAre("b", "c"));
}

TEST(Admit, FormerRangesStayUntilAnotherNodeHasThem) {
  const AdmitRules rules{.cluster_ranges = {range("10.1.0.0/16")}};
  std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"), node("b", "192.0.2.2", "10.1.2.0/24")};
  nodes[0].former_ranges = {range("10.1.7.0/24"), range("10.1.8.0/24")};
  const Admission before = admit(nodes, rules);
  EXPECT_THAT(before.problems, testing::IsEmpty());
  EXPECT_THAT(before.nodes[0].ranges,
              ElementsAre(range("10.1.1.0/24"), range("10.1.7.0/24"), range("10.1.8.0/24")));
  EXPECT_THAT(before.nodes[0].former_ranges, testing::IsEmpty());

  nodes[1].ranges.push_back(range("10.1.7.128/25"));
  const Admission after = admit(nodes, rules);
  EXPECT_THAT(after.nodes[0].ranges, ElementsAre(range("10.1.1.0/24"), range("10.1.8.0/24")));
  EXPECT_THAT(after.nodes[1].ranges, ElementsAre(range("10.1.2.0/24"), range("10.1.7.128/25")));
  EXPECT_THAT(after.problems,
              ElementsAre("node \"a\": range 10.1.7.0/24, which it had before, overlaps "
                          "10.1.7.128/25 of node \"b\" now: pods with addresses of it are cut "
                          "off"));
}

TEST(Admit, RefusesARangeThatCoversANodesAddress) {
  const std::vector nodes{node("a", "10.9.0.1", "10.1.1.0/24"),
                          node("b", "192.0.2.2", "10.9.0.0/24")};
  EXPECT_THAT(admit(nodes, {}).problems,
              ElementsAre(HasSubstr("covers the address 10.9.0.1 of node \"a\"")));
}

TEST(Admit, SeesAnOverlapWithANodeWhoseOwnRangesAreNested) {
  Node wide = node("a", "192.0.2.1", "10.1.0.0/16");
  wide.ranges.push_back(range("10.1.5.0/24"));
  wide.ranges.push_back(range("10.1.0.0/24"));
  wide.since = 1;
  const std::vector nodes{wide, node("b", "192.0.2.2", "10.1.9.0/24")};
  const Admission result = admit(nodes, {});
  EXPECT_THAT(names(result.nodes), ElementsAre("a"));
  EXPECT_THAT(result.problems, ElementsAre("node \"b\" is left out: its range 10.1.9.0/24 overlaps "
                                           "10.1.0.0/16 of node \"a\""));
}

TEST(Admit, RefusesNodesThatBreakTheRules) {
  const AdmitRules rules{.cluster_ranges = {range("10.1.0.0/16")},
                         .node_subnets = {range("10.1.200.0/24")}};
  const std::vector nodes{
      node("a", "192.0.2.1", "10.2.1.0/24"), node("b", "192.0.2.2", "10.1.200.128/25"),
      node("c", "127.0.0.1", "10.1.3.0/24"), node("d", "224.0.0.5", "10.1.4.0/24"),
      node("e", "192.0.2.5", "10.1.5.0/24"), Node{.name = "f", .ranges = {range("10.1.6.0/24")}}};
  const Admission result = admit(nodes, rules);
  EXPECT_THAT(names(result.nodes), ElementsAre("e"));
  EXPECT_THAT(
      result.problems,
      ElementsAre(HasSubstr("10.2.1.0/24 lies outside the cluster network"),
                  HasSubstr("overlaps the nodes' own network 10.1.200.0/24"),
                  HasSubstr("127.0.0.1 is not a unicast address"),
                  HasSubstr("224.0.0.5 is not a unicast address"), HasSubstr("no address")));
}

TEST(Admit, RefusesASharedTunnelMac) {
  Node a = node("a", "192.0.2.1", "10.1.1.0/24");
  Node b = node("b", "192.0.2.2", "10.1.2.0/24");
  b.mac = fabric::vtep_mac(ip("192.0.2.1"));
  EXPECT_THAT(admit(std::vector{a, b}, {}).problems,
              ElementsAre(HasSubstr("02:76:c0:00:02:01 is that of node \"a\"")));
}

TEST(Admit, RefusesTheSecondOfOneName) {
  const std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"),
                          node("a", "192.0.2.2", "10.1.2.0/24")};
  EXPECT_THAT(admit(nodes, {}).problems, ElementsAre(HasSubstr("another node has this name")));
}

TEST(Admit, RefusesEveryFurtherNodeOfOneName) {
  const std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"),
                          node("a", "192.0.2.2", "10.1.2.0/24"),
                          node("a", "192.0.2.3", "10.1.3.0/24")};
  const Admission result = admit(nodes, {});
  EXPECT_EQ(result.nodes.size(), 1u);
  EXPECT_EQ(result.problems.size(), 2u);
}

/// P16: a list where one line has a /16 for a /24, whatever the name of that node.
TEST(Admit, LeavesOutTheClaimThatOverlapsSeveral) {
  for (const char* wrong : {"a", "m", "z"}) {
    std::vector nodes{
        node("n1", "192.0.2.1", "10.244.1.0/24"), node("n2", "192.0.2.2", "10.244.2.0/24"),
        node("n3", "192.0.2.3", "10.244.3.0/24"), node(wrong, "192.0.2.0", "10.244.0.0/16")};
    std::ranges::sort(nodes, {}, &Node::name);
    for (const char* self : {"", "n1", "n3"}) {
      const Admission result = admit(nodes, {.self = self});
      EXPECT_THAT(names(result.nodes), ElementsAre("n1", "n2", "n3")) << wrong << " " << self;
      EXPECT_THAT(result.problems, ElementsAre(HasSubstr(std::string("node \"") + wrong +
                                                         "\" is left out: its range "
                                                         "10.244.0.0/16 overlaps")));
    }
    const Admission own = admit(nodes, {.self = wrong});
    EXPECT_THAT(names(own.nodes), ElementsAre(wrong)) << "its own range is its own";
    EXPECT_EQ(own.problems.size(), 3u);
  }
}

TEST(Admit, KeepsTheOwnRangeAgainstASeniorNode) {  // P16
  std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"), node("b", "192.0.2.2", "10.1.1.0/24")};
  nodes[0].since = 1;
  nodes[1].since = 2;
  EXPECT_THAT(names(admit(nodes, {.self = "b"}).nodes), ElementsAre("b"));
  EXPECT_THAT(names(admit(nodes, {.self = "a"}).nodes), ElementsAre("a"));
}

/// P16: the result is the same set of nodes, whatever their names and so their order.
TEST(Admit, DoesNotDependOnNamesOrOrder) {
  const AdmitRules rules{.cluster_ranges = {range("10.1.0.0/16")}};
  std::mt19937 random(16);
  const auto below = [&](int limit) {
    return std::to_string(std::uniform_int_distribution(0, limit - 1)(random));
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<Node> nodes;
    for (int i = 0; i < 8; ++i) {
      const std::string length = std::to_string(std::uniform_int_distribution(21, 25)(random));
      nodes.push_back(node("", "192.0.2." + std::to_string(10 * i + 1),
                           range("10.1." + below(24) + ".0/" + length).network().text()));
      if (below(4) == "0") nodes.back().addresses = {ip("192.0.2.1" + below(4))};
      if (below(4) == "0") nodes.back().former_ranges = {range("10.1." + below(24) + ".0/24")};
      if (below(8) == "0") nodes.back().mac = base::Mac::parse("02:00:00:00:00:0" + below(2));
    }
    std::set<std::string> seen;
    for (int permutation = 0; permutation < 6; ++permutation) {
      std::ranges::shuffle(nodes, random);
      for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i].name = "n" + std::to_string(i);
      std::multiset<std::string> result;
      for (const Node& kept : admit(nodes, rules).nodes) {
        std::string text = kept.addresses[0].text();
        for (const base::Prefix& each : kept.ranges) text += " " + each.text();
        result.insert(text + (kept.mac ? kept.mac->text() : ""));
      }
      std::string all;
      for (const std::string& each : result) all += each + "\n";
      seen.insert(all);
    }
    EXPECT_EQ(seen.size(), 1u) << *seen.begin() << "---\n" << *seen.rbegin();
  }
}

/// Two to six nodes of both families that are in conflict now and then, sorted by name.
std::vector<Node> random_nodes(std::mt19937& random) {
  const auto below = [&](int limit) { return std::uniform_int_distribution(0, limit - 1)(random); };
  const auto text = [&](int limit) { return std::to_string(below(limit)); };
  std::vector<Node> nodes;
  for (int i = 2 + below(5); i > 0; --i) {
    Node& node = nodes.emplace_back(Node{.name = "n" + text(100), .addresses = {}});
    node.addresses.push_back(ip("192.0.2." + std::to_string(1 + below(100))));
    if (below(3) == 0) node.addresses.push_back(ip("fd00::" + text(100)));
    for (int ranges = below(3); ranges > 0; --ranges)
      node.ranges.push_back(
          range("10.1." + text(200) + ".0/" + std::to_string(22 + below(4))).network());
    if (below(3) == 0) node.ranges.push_back(range("fd01:" + text(50) + "::/64"));
    if (below(20) == 0) node.ranges.push_back(range("192.0.2.64/27"));
    if (below(8) == 0) node.mac = base::Mac::parse("02:76:c0:00:02:0" + text(10));
    if (below(8) == 0) node.mac_v6 = node.mac;
  }
  std::ranges::stable_sort(nodes, {}, &Node::name);
  return nodes;
}

/// A node that is in conflict with no other and keeps a former range.
Node bystander() {
  Node node{.name = "zz", .addresses = {ip("198.51.100.9")}};
  node.former_ranges = {range("203.0.113.0/24")};
  return node;
}

/// Lists without a conflict are admitted by a look at all claims at once, others node by node.
TEST(Admit, IsTheSameBesideANodeWithAFormerRange) {
  std::mt19937 random(9);
  int whole = 0, in_part = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<Node> nodes = random_nodes(random);
    const AdmitRules rules{.cluster_ranges = {range("10.1.0.0/16"), range("fd01::/16"),
                                              range("192.0.2.0/24"), range("203.0.113.0/24")}};
    const Admission alone = admit(nodes, rules);
    ++(alone.problems.empty() ? whole : in_part);
    EXPECT_EQ(alone.nodes.size() == nodes.size(), alone.problems.empty());
    nodes.push_back(bystander());
    Admission beside = admit(nodes, rules);
    ASSERT_EQ(beside.nodes.back().ranges, bystander().former_ranges);
    beside.nodes.pop_back();
    EXPECT_EQ(alone.nodes, beside.nodes) << "round " << round;
    EXPECT_EQ(alone.problems, beside.problems) << "round " << round;
  }
  EXPECT_GT(whole, 500);
  EXPECT_GT(in_part, 500);
}

TEST(Admit, CountsProblemsBeyondAHundred) {
  std::vector<Node> nodes;
  for (int i = 0; i < 300; ++i)
    nodes.push_back(node("n" + std::to_string(1000 + i), "192.0.2.1", "10.1.1.0/24"));
  const Admission result = admit(nodes, {});
  ASSERT_EQ(result.problems.size(), 101u);
  EXPECT_EQ(result.problems.back(), "and 199 more nodes are left out");
}

std::vector<Node> cluster(int count) {
  std::vector<Node> nodes;
  for (int i = 0; i < count; ++i) nodes.push_back({.name = "n" + std::to_string(100 + i)});
  return nodes;
}

TEST(SafetyValve, HoldsBackAnEmptyListUntilTheWaitIsOver) {
  SafetyValve valve(std::chrono::seconds(30), "self");
  const SafetyValve::Clock::time_point start{};
  EXPECT_FALSE(valve.passes(cluster(20), {}, start));
  EXPECT_EQ(valve.due(), start + std::chrono::seconds(30));
  EXPECT_THAT(valve.problem(), HasSubstr("lacks 20 of 20 nodes"));
  EXPECT_FALSE(valve.passes(cluster(20), {}, start + std::chrono::seconds(29)));
  EXPECT_TRUE(valve.passes(cluster(20), {}, start + std::chrono::seconds(30)));
  EXPECT_EQ(valve.problem(), "");
}

TEST(SafetyValve, HoldsBackAListWithoutOtherNodesInASmallCluster) {
  SafetyValve valve(std::chrono::seconds(30), "self");
  const SafetyValve::Clock::time_point start{};
  // This node is always there; without a list it has no range.
  std::vector<Node> three = cluster(3), alone = cluster(1);
  three[0].ranges = {range("10.1.1.0/24")};
  EXPECT_FALSE(valve.passes(three, alone, start));
  EXPECT_THAT(valve.problem(), HasSubstr("lacks 3 of 3 nodes"));
  EXPECT_TRUE(valve.passes(three, alone, start + std::chrono::seconds(30)));
  alone[0].ranges = three[0].ranges;
  EXPECT_FALSE(valve.passes(three, alone, start));
}

TEST(SafetyValve, HoldsBackAListThatTakesThisNodesRange) {
  SafetyValve valve(std::chrono::seconds(30), "n100");
  const SafetyValve::Clock::time_point start{};
  std::vector<Node> four = cluster(4);
  for (Node& node : four) node.ranges = {range("10.1.1.0/24")};
  std::vector<Node> without_range = four;
  without_range[0].ranges.clear();
  EXPECT_FALSE(valve.passes(four, without_range, start));
  EXPECT_THAT(valve.problem(), HasSubstr("lacks this node or its range, 1 of 4 nodes"));
  EXPECT_TRUE(valve.passes(four, without_range, start + std::chrono::seconds(30)));
  EXPECT_FALSE(valve.passes(four, std::span(four).subspan(1), start));
  EXPECT_TRUE(valve.passes(four, std::span(four).first(3), start));
}

TEST(SafetyValve, EndsTheWaitWhenTheNodesAreBack) {
  SafetyValve valve(std::chrono::seconds(30), "self");
  const SafetyValve::Clock::time_point start{};
  EXPECT_FALSE(valve.passes(cluster(20), cluster(5), start));
  EXPECT_TRUE(valve.passes(cluster(20), cluster(20), start + std::chrono::seconds(10)));
  EXPECT_FALSE(valve.passes(cluster(20), cluster(5), start + std::chrono::seconds(40)));
}

TEST(SafetyValve, LetsSmallClustersAndSmallLossesPass) {
  SafetyValve valve(std::chrono::seconds(30), "self");
  EXPECT_TRUE(valve.passes(cluster(10), cluster(2), {}));
  EXPECT_TRUE(valve.passes(cluster(2), cluster(1), {}));
  EXPECT_TRUE(valve.passes(cluster(40), cluster(20), {}));
  EXPECT_FALSE(valve.passes(cluster(40), cluster(19), {}));
}

}  // namespace
}  // namespace agent
