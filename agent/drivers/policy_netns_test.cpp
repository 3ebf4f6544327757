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

}  // namespace
}  // namespace agent
