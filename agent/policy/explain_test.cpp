// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/explain.h"

#include <netinet/in.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/config/yaml.h"
#include "agent/policy/read.h"

namespace agent::policy {
namespace {

constexpr char kWorld[] = R"(
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}},
 status: {podIP: 10.1.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {pod: b}},
 spec: {containers: [{ports: [{name: web, containerPort: 80}]}]}, status: {podIP: 10.1.0.2}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: x}, spec: )";

/// The decision of the policy `spec` on a TCP connection from a to port 80 of b.
Decision decide_with(const std::string& spec, Direction way) {
  Objects objects;
  ProblemCollector problems("test");
  for (const auto& document : parse_yaml_documents(kWorld + spec + "}", problems))
    add_object(objects, document, "test");
  const Cluster cluster(objects);
  const LivePod& a = *cluster.find_pod("x", "a");
  const LivePod& b = *cluster.find_pod("x", "b");
  return decide(cluster, {a, b, a.addresses[0], b.addresses[0], IPPROTO_TCP, 80}, way);
}

TEST(PolicyExplanation, NamesTheRuleThatAllows) {
  const Decision decision = decide_with(
      "{podSelector: {}, ingress: [{ports: [{port: 81}]}, {from: [{podSelector: {}}]}]}",
      Direction::ingress);
  EXPECT_EQ(decision.rule, "x/p spec.ingress[1]");
  EXPECT_TRUE(decision.allowed());
}

TEST(PolicyExplanation, NamesThePoliciesThatIsolateWhenNoRuleAllows) {
  const Decision decision =
      decide_with("{podSelector: {}, ingress: [{ports: [{port: 81}]}]}", Direction::ingress);
  EXPECT_EQ(decision.isolating, std::vector<std::string>{"x/p"});
  EXPECT_FALSE(decision.allowed());
}

TEST(PolicyExplanation, IsOpenWherePoliciesSelectTheOtherDirectionOnly) {
  EXPECT_TRUE(decide_with("{podSelector: {}}", Direction::egress).isolating.empty());
}

// NP-043: a named port is that of the destination. NP-045: ipBlock peers never match a named port
TEST(PolicyExplanation, TakesNamesOfPortsFromTheDestination) {
  const auto egress = [](const std::string& peer) {
    return decide_with("{podSelector: {}, policyTypes: [Egress], egress: [{to: [" + peer +
                           "], ports: [{port: web}]}]}",
                       Direction::egress)
        .allowed();
  };
  EXPECT_TRUE(egress("{podSelector: {matchLabels: {pod: b}}}"));
  EXPECT_FALSE(egress("{podSelector: {matchLabels: {pod: a}}}"));
  EXPECT_FALSE(egress("{ipBlock: {cidr: 10.0.0.0/8}}"));
  EXPECT_FALSE(egress("{ipBlock: {cidr: 10.0.0.0/8}}, {podSelector: {matchLabels: {pod: a}}}"));
}

// NP-029: never peers of one rule with ports of another. NP-061: except cuts only its own block
TEST(PolicyExplanation, WantsPeerAndPortOfOneRule) {
  const auto ingress = [](const std::string& rules) {
    return decide_with("{podSelector: {}, ingress: [" + rules + "]}", Direction::ingress).allowed();
  };
  EXPECT_FALSE(
      ingress("{from: [{podSelector: {}}], ports: [{port: 81}]}, "
              "{from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]}"));
  EXPECT_FALSE(ingress("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}"));
  EXPECT_TRUE(ingress("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16]}}]}"));
}

}  // namespace
}  // namespace agent::policy
