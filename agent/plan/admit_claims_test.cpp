// SPDX-License-Identifier: Apache-2.0
// Claims that one node makes against another: former ranges, and what a node writes of itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/plan/admit.h"
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

TEST(Admit, GivesAFormerRangeOfTwoNodesToNeitherButKeepsTheOwn) {
  const AdmitRules rules{.cluster_ranges = {range("10.1.0.0/16"), range("192.0.2.0/24")}};
  std::vector nodes{node("a", "192.0.2.1", "10.1.1.0/24"), node("b", "192.0.2.2", "10.1.2.0/24")};
  nodes[0].former_ranges = {range("10.1.7.0/24")};
  nodes[1].former_ranges = {range("10.1.7.0/25"), range("192.0.2.0/28")};
  const Admission result = admit(nodes, rules);
  EXPECT_THAT(result.nodes[0].ranges, ElementsAre(range("10.1.1.0/24")));
  EXPECT_THAT(result.nodes[1].ranges, ElementsAre(range("10.1.2.0/24")));
  EXPECT_THAT(result.problems, ElementsAre(HasSubstr("covers the address 192.0.2.1 of node \"a\""),
                                           HasSubstr("a former range of node \"b\", too"),
                                           HasSubstr("a former range of node \"a\", too")));
  AdmitRules own = rules;
  own.self = "b";
  const Admission at_b = admit(nodes, own);
  EXPECT_THAT(at_b.nodes[0].ranges, ElementsAre(range("10.1.1.0/24")));
  EXPECT_THAT(at_b.nodes[1].ranges, ElementsAre(range("10.1.2.0/24"), range("10.1.7.0/25")));
}

TEST(Admit, RefusesFormerRangesThatBreakARule) {  // S1
  const AdmitRules rules{.cluster_ranges = {range("10.244.0.0/16")},
                         .node_subnets = {range("10.244.200.0/24")}};
  std::vector nodes{node("a", "192.0.2.1", "10.244.1.0/24"),
                    node("liar", "192.0.2.9", "10.244.9.0/24")};
  for (const char* wrong :
       {"169.254.169.254/32", "8.8.8.8/32", "10.96.0.0/12", "64.0.0.0/2", "0.0.0.0/1", "0.0.0.0/0",
        "::/0", "2000::/3", "127.0.0.1/32", "10.244.0.0/15", "10.244.200.7/32", "10.244.0.0/16"}) {
    nodes[1].former_ranges = {range(wrong)};
    const Admission result = admit(nodes, rules);
    EXPECT_THAT(result.nodes[1].ranges, ElementsAre(range("10.244.9.0/24"))) << wrong;
    EXPECT_THAT(result.problems, ElementsAre(HasSubstr("node \"liar\": range "))) << wrong;
  }
  nodes[1].former_ranges = {range("10.244.77.0/24")};
  EXPECT_THAT(admit(nodes, {}).problems, ElementsAre(HasSubstr("network.ranges is not set")));
}

TEST(Admit, CountsSixteenFormerRangesOfANode) {  // S1
  const AdmitRules rules{.cluster_ranges = {range("10.0.0.0/8")}};
  std::vector nodes{node("liar", "192.0.2.9", "10.244.9.0/24")};
  for (int i = 0; i < 15000; ++i)
    nodes[0].former_ranges.push_back(base::host_prefix(ip("10.1.0.0").plus(i)));
  const Admission result = admit(nodes, rules);
  EXPECT_EQ(result.nodes[0].ranges.size(), 17u);
  EXPECT_THAT(result.problems, ElementsAre("node \"liar\": former ranges after the first 16 are "
                                           "refused"));
}

TEST(Admit, NeverGivesTheRangeOfAListedNodeToAFormerOwner) {  // S3
  const AdmitRules rules{.cluster_ranges = {range("10.244.0.0/16")}};
  Node victim = node("victim", "192.0.2.2", "10.244.2.0/24");
  victim.mac = base::Mac{{3}};  // breaks a rule: it is left out
  Node liar = node("a", "192.0.2.9", "10.244.9.0/24");
  liar.former_ranges = {range("10.244.2.0/24"), range("10.244.2.128/25")};
  const Admission result = admit({liar, victim}, rules);
  EXPECT_THAT(names(result.nodes), ElementsAre("a"));
  EXPECT_THAT(result.nodes[0].ranges, ElementsAre(range("10.244.9.0/24")));
}

TEST(Admit, ClaimsOfTheControlPlaneOutrankANodesOwnWord) {  // S3
  for (const char* name : {"a", "z"}) {
    Node victim = node("m", "192.0.2.2", "10.244.2.0/24");
    victim.since = 20;
    Node address = node(name, "192.0.2.2", "10.244.9.0/24");
    address.own_word = {true, true};
    address.since = 10;
    Node inside = address, mac = node(name, "192.0.2.9", "10.244.9.0/24");
    inside.addresses = {ip("10.244.2.7")};
    mac.mac = fabric::vtep_mac(ip("192.0.2.2"));
    mac.since = 10;
    for (const Node& liar : {address, inside, mac}) {
      std::vector nodes{victim, liar};
      std::ranges::sort(nodes, {}, &Node::name);
      const Admission result = admit(nodes, {});
      EXPECT_THAT(names(result.nodes), ElementsAre("m")) << name;
      EXPECT_THAT(result.problems, ElementsAre(HasSubstr("of node \"m\"")));
      EXPECT_THAT(names(admit(nodes, {.self = name}).nodes), testing::Contains(name));
    }
    mac.mac = victim.mac = fabric::vtep_mac("m", ip("192.0.2.2"));
    std::vector nodes{victim, mac};
    std::ranges::sort(nodes, {}, &Node::name);
    EXPECT_THAT(names(admit(nodes, {}).nodes), ElementsAre("m")) << "made of its name";
  }
}

TEST(Admit, QuotesNames) {  // S7
  const std::vector nodes{node("a\n\x1b[2J", "127.0.0.1", "10.1.1.0/24")};
  EXPECT_THAT(admit(nodes, {}).problems, ElementsAre(HasSubstr(R"("a\n\u001b[2J")")));
}

}  // namespace
}  // namespace agent
