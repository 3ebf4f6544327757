// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/config/yaml.h"
#include "agent/drivers/policy.h"
#include "agent/policy/plan.h"
#include "agent/policy/read.h"
#include "tests/support/host/packet_world.h"
#include "tests/support/host/test_host.h"

namespace agent {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Pods a and b of this node, in both families, and objects that each test adds.
policy::PolicyTable table_of(const std::string& yaml) {
  const std::string pods = R"(
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}},
 spec: {nodeName: here, containers: [{ports: [{name: web, containerPort: 80}]}]},
 status: {podIPs: [{ip: 10.1.0.2}, {ip: "fd00::2"}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {pod: b}},
 spec: {nodeName: here, containers: [{ports: [{name: web, containerPort: 8080}]}]},
 status: {podIPs: [{ip: 10.1.0.3}, {ip: "fd00::3"}]}}
---
)";
  policy::Objects objects;
  ProblemCollector problems("test");
  for (const auto& document : parse_yaml_documents(pods + yaml, problems))
    policy::add_object(objects, document, "test");
  return policy::make_table(objects, {.node = "here",
                                      .ranges = {*base::Prefix::parse("10.1.0.0/24"),
                                                 *base::Prefix::parse("fd00::/64")}});
}

std::string policy_with(const std::string& spec) {
  return "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: "
         "x}, spec: " +
         spec + "}\n---\n";
}

/// Every kind of rule.
const std::string kEverything = policy_with(R"({podSelector: {}, ingress: [
  {from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80, endPort: 90}, {port: web}]},
  {from: [{ipBlock: {cidr: 10.9.0.0/16, except: [10.9.1.0/24]}}, {ipBlock: {cidr: "fd01::/16"}}]},
  {from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{protocol: SCTP}, {protocol: UDP, port: 53}]}],
  egress: [{to: [{namespaceSelector: {}}], ports: [{port: web}]}]})");
const std::string kDeny = policy_with("{podSelector: {matchLabels: {pod: a}}}");

std::string listed() {
  return test::output_of("nft -s list ruleset");
}

/// The sets, maps and chains, sorted: nft lists them in the order in which they were made.
std::vector<std::string> objects() {
  std::vector<std::string> blocks;
  std::istringstream lines(listed());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("table") || line.starts_with("}")) continue;
    if (line.starts_with("\tset") || line.starts_with("\tmap") || line.starts_with("\tchain"))
      blocks.emplace_back();
    if (!blocks.empty() && !line.empty()) blocks.back() += line + "\n";
  }
  std::ranges::sort(blocks);
  return blocks;
}

class PolicyDriverTest : public testing::Test {
 protected:
  test::TestHost host_;
  nft::Nft nft_;
  PolicyDriver driver_;
};

TEST_F(PolicyDriverTest, WritesWhatTheScriptForNftWrites) {
  const policy::PolicyTable wanted = table_of(kEverything);
  driver_.run(wanted);
  const std::vector<std::string> by_driver = objects();
  test::output_of("nft flush ruleset");
  test::output_of("nft -f - <<'END'\n" + policy::print_table(wanted) + "END\n");
  EXPECT_EQ(by_driver, objects());
  EXPECT_THAT(by_driver, testing::Contains(HasSubstr("ip daddr . meta l4proto . th dport @n4_")));
}

TEST_F(PolicyDriverTest, SendsNothingWhenTheTableIsRight) {
  EXPECT_GT(driver_.run(table_of(kEverything)), 0u);
  EXPECT_EQ(driver_.run(table_of(kEverything)), 0u);
  EXPECT_EQ(PolicyDriver().run(table_of(kEverything)), 0u);
}

// NP-107: events out of order end in the same rules
TEST_F(PolicyDriverTest, ChangesEndInTheTableOfAFreshStart) {
  const std::string more =
      "{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: x}, spec: {nodeName: here}, "
      "status: {podIP: 10.1.0.4}}\n---\n";
  driver_.run(table_of(kDeny));
  for (const std::string& yaml : {kEverything, std::string(), more + kDeny, more + kEverything}) {
    driver_.run(table_of(yaml));
    const std::vector<std::string> changed = objects();
    test::output_of("nft flush ruleset");
    PolicyDriver().run(table_of(yaml));
    EXPECT_EQ(changed, objects());
    EXPECT_TRUE(driver_.is_right(nft_));
  }
}

TEST_F(PolicyDriverTest, RepairsWhatAnotherProgramChanged) {
  driver_.run(table_of(kEverything));
  const std::string right = listed();
  for (const std::string& harm :
       {std::string("flush ruleset"), std::string("delete table inet plumb_policy"),
        std::string("add element inet plumb_policy known4 { 10.1.0.9 }"),
        std::string("delete element inet plumb_policy known6 { fd00::2 }"),
        std::string("flush map inet plumb_policy in4"),
        std::string("flush chain inet plumb_policy forward"),
        std::string("add rule inet plumb_policy forward accept")}) {
    test::output_of("nft '" + harm + "'");
    EXPECT_FALSE(driver_.is_right(nft_)) << harm;
    driver_.run(table_of(kEverything));
    EXPECT_EQ(listed(), right) << harm;
    EXPECT_TRUE(driver_.is_right(nft_)) << harm;
  }
}

TEST_F(PolicyDriverTest, NoticesAPodThatLeadsToAnotherChain) {
  driver_.run(table_of(kEverything));
  test::output_of(
      "nft 'add chain inet plumb_policy other; delete element inet plumb_policy in4 { 10.1.0.2 }; "
      "add element inet plumb_policy in4 { 10.1.0.2 : jump other }'");
  EXPECT_FALSE(driver_.is_right(nft_));
}

TEST_F(PolicyDriverTest, KeepsOtherTables) {
  test::output_of("nft add table inet other");
  driver_.run(table_of(kEverything));
  driver_.run(table_of(""));
  EXPECT_THAT(listed(), HasSubstr("table inet other"));
  EXPECT_THAT(listed(), Not(HasSubstr("jump i_")));
}

/// A pod of this node, and a machine outside that reaches it by a route.
class PolicyPackets : public testing::TestWithParam<bool> {
 protected:
  PolicyPackets() {
    test::output_in(world_.outside, "ip route add 10.22.0.0/24 via 192.0.2.1");
    test::output_in(world_.outside, "ip route add fd00:22::/64 via 2001:db8::1");
  }
  /// Loads the rules of objects about the pod a, which has label pod=a.
  void load(const std::string& yaml, const std::string& address_of_pod) {
    const std::string objects =
        "{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n---\n{apiVersion: v1, kind: Pod, "
        "metadata: {name: a, namespace: x, labels: {pod: a}}, spec: {nodeName: here}, status: "
        "{podIPs: [{ip: \"" +
        address_of_pod + "\"}]}}\n---\n";
    policy::Objects read;
    ProblemCollector problems("test");
    for (const auto& document : parse_yaml_documents(objects + yaml, problems))
      policy::add_object(read, document, "test");
    driver_.run(policy::make_table(read, {.node = "here",
                                          .ranges = {*base::Prefix::parse("10.22.0.0/24"),
                                                     *base::Prefix::parse("fd00:22::/64")}}));
  }
  void load(const std::string& yaml) { load(yaml, pod()); }
  std::string pod() const { return GetParam() ? world_.kPod6 : world_.kPod; }
  std::string outside() const { return GetParam() ? world_.kOutside6 : world_.kOutside; }
  std::string host() const { return GetParam() ? world_.kHost6 : world_.kHost; }
  bool enters(std::uint16_t port) const {
    return world_.tcp(world_.pod, port, &world_.outside, {pod(), port}) != "nothing";
  }
  bool leaves(std::uint16_t port) const {
    return world_.tcp(world_.outside, port, &world_.pod, {outside(), port}) != "nothing";
  }
  bool enters_by_udp(std::uint16_t port) const {
    return world_.udp(world_.pod, port, &world_.outside, {pod(), port}) != "nothing";
  }
  /// From the node itself.
  bool is_reached_by_node() const {
    return world_.tcp(world_.pod, 80, nullptr, {pod(), 80}) != "nothing";
  }
  bool reaches_node() const {
    return test::output_in(world_.pod, "ping -c1 -W2 " + host() + " || true").find(" 0% packet") !=
           std::string::npos;
  }
  std::string block() const { return GetParam() ? "2001:db8::/64" : "192.0.2.0/24"; }

  test::PacketWorld world_;
  PolicyDriver driver_;
};
INSTANTIATE_TEST_SUITE_P(Families, PolicyPackets, testing::Bool(),
                         [](const auto& family) { return family.param ? "ipv6" : "ipv4"; });

TEST_P(PolicyPackets, PassWhereNoPolicySelectsThePod) {
  load("");
  EXPECT_TRUE(enters(80));
  EXPECT_TRUE(leaves(80));
}

// NP-022: isolated for a direction as soon as one policy with that type selects it; other
// directions stay open. NP-028: what is allowed in one direction has its replies allowed
TEST_P(PolicyPackets, OnlyEnterWhereARuleAllowsThem) {
  load(policy_with("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"" + block() +
                   "\"}}], ports: [{port: 80}, {port: 90, endPort: 91}]}]}"));
  EXPECT_TRUE(enters(80));
  EXPECT_FALSE(enters(81));
  EXPECT_TRUE(enters(91));
  EXPECT_FALSE(enters(92));
  EXPECT_FALSE(enters_by_udp(80));
  EXPECT_TRUE(leaves(80));
}

TEST_P(PolicyPackets, OnlyLeaveWhereARuleAllowsThem) {
  load(policy_with("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: \"" +
                   block() + "\"}}], ports: [{port: 80}]}]}"));
  EXPECT_TRUE(leaves(80));
  EXPECT_FALSE(leaves(81));
  EXPECT_TRUE(enters(81));
}

// NP-061: except cuts only its own block
TEST_P(PolicyPackets, DoNotEnterFromAnException) {
  const std::string except = GetParam() ? "2001:db8::2/128" : "192.0.2.2/32";
  load(policy_with("{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"" + block() +
                   "\", except: [\"" + except + "\"]}}]}]}"));
  EXPECT_FALSE(enters(80));
}

// NP-080: the pod's own node always reaches it. NP-082: pod to its own node is allowed
TEST_P(PolicyPackets, PassBetweenAPodAndItsNodeUnderDenyAll) {
  load(policy_with("{podSelector: {}, policyTypes: [Ingress, Egress]}"));
  EXPECT_FALSE(enters(80));
  EXPECT_FALSE(leaves(80));
  EXPECT_TRUE(is_reached_by_node());
  EXPECT_TRUE(reaches_node());
}

// NP-103: a policy that goes away opens what it alone closed
TEST_P(PolicyPackets, PassAgainWhenThePolicyGoes) {
  load(policy_with("{podSelector: {}}"));
  EXPECT_FALSE(enters(80));
  load("");
  EXPECT_TRUE(enters(80));
}

// NP-100: a pod that plumbd does not know is closed except for its own node
TEST_P(PolicyPackets, DoNotReachAPodThatIsNotKnown) {
  load("", GetParam() ? "fd00:22::99" : "10.22.0.99");
  EXPECT_FALSE(enters(80));
  EXPECT_FALSE(leaves(80));
  EXPECT_TRUE(is_reached_by_node());
}

}  // namespace
}  // namespace agent
