// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/plan.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/config/yaml.h"
#include "agent/policy/read.h"

namespace agent::policy {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Objects objects_of(const std::string& yaml) {
  Objects objects;
  ProblemCollector problems("test");
  for (const auto& document : parse_yaml_documents(yaml, problems))
    add_object(objects, document, "test");
  EXPECT_THAT(problems.sorted(), IsEmpty());
  return objects;
}

/// A namespace x with pods a (of this node) and b, and y with c.
constexpr char kWorld[] = R"(
{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {team: red}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: y}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}},
 spec: {nodeName: here, containers: [{ports: [{name: web, containerPort: 80}]}]},
 status: {phase: Running, podIPs: [{ip: 10.1.0.1}, {ip: "fd00::1"}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {pod: b}},
 spec: {nodeName: there}, status: {phase: Running, podIPs: [{ip: 10.1.1.2}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: y, labels: {pod: c}},
 spec: {nodeName: there, containers: [{ports: [{name: web, containerPort: 8080}]}]},
 status: {phase: Running, podIP: 10.1.1.3}}
---
)";

std::string policy_with(const std::string& spec, const std::string& name = "p") {
  return "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: " + name +
         ", namespace: x}, spec: " + spec + "}\n---\n";
}

std::string table_of(const std::string& yaml) {
  return print_table(make_table(objects_of(kWorld + yaml), {.node = "here"}));
}

/// The chains of policies, in one text: what a pod's chain allows.
std::string allowed(const std::string& yaml) {
  const PolicyTable table = make_table(objects_of(kWorld + yaml), {.node = "here"});
  std::string text;
  for (const TableChain& chain : table.chains)
    if (chain.hook == TableChain::Hook::none && chain.name != "refuse")
      for (const TableRule& rule : chain.rules)
        if (!rule.comment.empty()) text += text_of(rule) + "\n";
  return text;
}

/// The members of the only set whose name begins with `prefix`.
std::vector<std::string> members(const std::string& yaml, const std::string& prefix) {
  std::vector<std::string> texts;
  for (const TableSet& set : make_table(objects_of(kWorld + yaml), {.node = "here"}).sets)
    if (set.name.starts_with(prefix))
      for (const Element& each : set.elements)
        texts.push_back(each.address.text() +
                        (each.port == 0 ? "" : " " + std::to_string(each.port)));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(PolicyPlan, IsolatesNothingWithoutPolicies) {
  EXPECT_THAT(table_of(""), Not(HasSubstr("jump")));
}

// NP-020: no policyTypes: Ingress always, Egress only if egress has rules
TEST(PolicyPlan, IsolatesEgressOnlyWhereItHasRulesWithoutTypes) {
  EXPECT_THAT(table_of(policy_with("{podSelector: {}}")),
              AllOf(HasSubstr("10.1.0.1 : jump i_"), Not(HasSubstr("jump e_"))));
  EXPECT_THAT(table_of(policy_with("{podSelector: {}, egress: []}")), Not(HasSubstr("jump e_")));
  EXPECT_THAT(table_of(policy_with("{podSelector: {}, egress: [{}]}")),
              AllOf(HasSubstr("fd00::1 : jump i_"), HasSubstr("jump e_")));
}

// NP-021: policyTypes given: exactly those, also when the other list has rules
TEST(PolicyPlan, IsolatesExactlyTheTypesThatAreGiven) {
  EXPECT_THAT(table_of(policy_with("{podSelector: {}, policyTypes: [Egress], ingress: [{}]}")),
              AllOf(HasSubstr("jump e_"), Not(HasSubstr("jump i_"))));
}

// NP-089: neighbour discovery, router messages and MLD pass. NP-028: related ICMP errors pass
TEST(PolicyPlan, PassesNeighbourMessagesAndErrorsBeforeItAsksForPolicies) {
  const std::string table = table_of(policy_with("{podSelector: {}}"));
  const std::string forward = table.substr(table.find("chain forward"));
  for (const char* rule :
       {"ip6 daddr ff00::/8 icmpv6 type 130-132 accept",
        "ip6 hoplimit 255 icmpv6 type 133-137 accept", "ip6 daddr ff00::/8 icmpv6 type 143 accept",
        "ct state related meta l4proto icmp accept",
        "ct state related meta l4proto ipv6-icmp accept"})
    EXPECT_LT(forward.find(rule), forward.find("vmap")) << rule;
  // A helper's expected connection is related too.
  EXPECT_THAT(forward, Not(HasSubstr("ct state related accept")));
}

// NP-091: multicast and broadcast from isolated pods: denied, also by a rule {}
TEST(PolicyPlan, DropsWhatAnIsolatedPodSendsToAGroupBeforeAnyRule) {
  const std::string table = table_of(policy_with("{podSelector: {}, egress: [{}]}"));
  const std::string chain = table.substr(table.find("chain e_"));
  for (const char* rule :
       {"ip daddr 224.0.0.0/4 drop", "ip daddr 255.255.255.255/32 drop", "ip6 daddr ff00::/8 drop"})
    EXPECT_LT(chain.find(rule), chain.find("return comment")) << rule;
}

// NP-001, NP-141: only what selects local pods of the policy's own namespace reaches the kernel
TEST(PolicyPlan, LeavesOutPoliciesThatSelectNoLocalPod) {
  EXPECT_EQ(table_of(policy_with("{podSelector: {matchLabels: {pod: b}}}")), table_of(""));
}

// NP-023: empty or absent ingress with type Ingress: nothing comes in
// NP-024: a rule {} allows everything of its direction
TEST(PolicyPlan, AllowsNothingWithoutRulesAndEverythingWithAnEmptyRule) {
  EXPECT_EQ(allowed(policy_with("{podSelector: {}}")), "");
  EXPECT_EQ(allowed(policy_with("{podSelector: {}, ingress: []}")), "");
  EXPECT_EQ(allowed(policy_with("{podSelector: {}, ingress: [{}]}")), "return comment \"x/p\"\n");
}

// NP-025: absent and empty from and ports are alike: no restriction. Not alike with a non-empty
// list whose entries match no pod
TEST(PolicyPlan, TellsEmptyListsFromListsThatMatchNothing) {
  const auto with_from = [](const std::string& from) {
    return allowed(policy_with("{podSelector: {}, ingress: [{from: " + from + "}]}"));
  };
  EXPECT_EQ(with_from("[]"), with_from("null"));
  EXPECT_EQ(with_from("[]"), "return comment \"x/p\"\n");
  EXPECT_EQ(with_from("[{}]"), "");
  EXPECT_EQ(with_from("text"), "");
  EXPECT_EQ(allowed(policy_with("{podSelector: {}, ingress: [{ports: [{port: unknown}]}]}")), "");
}

// NP-005: peer with only podSelector: own namespace. Only namespaceSelector: all pods of those
// namespaces. Both in one entry: AND
TEST(PolicyPlan, FindsPeersInTheNamespacesThatTheyName) {
  const auto peers = [](const std::string& from) {
    return members(
        policy_with("{podSelector: {matchLabels: {pod: a}}, ingress: [{from: [" + from + "]}]}"),
        "p4_");
  };
  EXPECT_EQ(peers("{podSelector: {}}"), (Texts{"10.1.0.1", "10.1.1.2"}));
  EXPECT_EQ(peers("{namespaceSelector: {}}"), (Texts{"10.1.0.1", "10.1.1.2", "10.1.1.3"}));
  EXPECT_EQ(peers("{namespaceSelector: {}, podSelector: {matchLabels: {pod: c}}}"),
            (Texts{"10.1.1.3"}));
  EXPECT_EQ(peers("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: y}}}"),
            (Texts{"10.1.1.3"}));
  // NP-003: NotIn: true also when the key is absent
  EXPECT_EQ(peers("{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: "
                  "[red]}]}}"),
            (Texts{"10.1.1.3"}));
}

// NP-004: an unknown operator makes the selector select nothing; the policy still isolates, else
// every pod of the namespace, and is reported
TEST(PolicyPlan, StaysClosedWhereASelectorIsNotUnderstood) {
  const std::string broken = "{matchExpressions: [{key: k, operator: Near, values: [v]}]}";
  const std::string peer =
      policy_with("{podSelector: {}, ingress: [{from: [{podSelector: " + broken + "}]}]}");
  EXPECT_EQ(members(peer, "p4_"), Texts{});
  EXPECT_THAT(objects_of(peer).problems, SizeIs(1));
  const std::string subject = policy_with("{podSelector: " + broken + ", ingress: [{}]}");
  EXPECT_THAT(table_of(subject), HasSubstr("10.1.0.1 : jump i_"));
  EXPECT_EQ(allowed(subject), "");
}

TEST(PolicyPlan, NamesWhatIsLeftOutOfPodsAndPolicies) {
  EXPECT_THAT(
      objects_of("{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {n: 1, m: t}}}").problems,
      testing::ElementsAre(
          "pod default/a: label \"n\" must be text, not number \"1\"; it is left out"));
  EXPECT_THAT(
      objects_of("{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: p}}")
          .problems,
      testing::ElementsAre(HasSubstr("a NetworkPolicy of \"extensions/v1beta1\" is left out")));
}

// NP-008, NP-009: pods with hostNetwork, and pods in phase Succeeded or Failed, are neither
// subjects nor peers
TEST(PolicyPlan, LeavesOutPodsOfTheNodesNetworkAndPodsThatHaveEnded) {
  const std::string more = R"(
{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: x}, status: {podIP: 10.9.9.9},
 spec: {nodeName: here, hostNetwork: true}}
---
{apiVersion: v1, kind: Pod, metadata: {name: e, namespace: x}, spec: {nodeName: here},
 status: {phase: Failed, podIP: 10.1.0.9}}
---
)";
  EXPECT_THAT(
      table_of(more + policy_with("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}")),
      AllOf(Not(HasSubstr("10.9.9.9")), Not(HasSubstr("10.1.0.9"))));
}

// NP-012: two live pods that claim one address: the newer
TEST(PolicyPlan, GivesAnAddressToTheNewerOfTwoPods) {
  const std::string more = R"(
{apiVersion: v1, kind: Pod, metadata: {name: old, namespace: y, labels: {n: old},
 creationTimestamp: "2026-01-01T00:00:00Z"}, status: {podIP: 10.1.1.9}}
---
{apiVersion: v1, kind: Pod, metadata: {name: fresh, namespace: x, labels: {n: new},
 creationTimestamp: "2026-01-02T00:00:00Z"}, status: {podIP: 10.1.1.9}}
---
)";
  const auto peers = [&](const std::string& label) {
    return members(more + policy_with("{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, "
                                      "podSelector: {matchLabels: {n: " +
                                      label + "}}}]}]}"),
                   "p4_");
  };
  EXPECT_EQ(peers("old"), Texts{});
  EXPECT_EQ(peers("new"), Texts{"10.1.1.9"});
}

// NP-040: protocol absent: TCP. NP-041: port absent: all ports of that protocol. NP-042: endPort
// inclusive; below port: matches nothing. NP-047: SCTP is its own protocol
TEST(PolicyPlan, ReadsPorts) {
  const auto ports = [](const std::string& list) {
    return allowed(policy_with("{podSelector: {}, ingress: [{ports: [" + list + "]}]}"));
  };
  EXPECT_EQ(ports("{port: 80}"), "tcp dport 80 return comment \"x/p\"\n");
  EXPECT_EQ(ports("{protocol: UDP}"), "meta l4proto udp return comment \"x/p\"\n");
  EXPECT_EQ(ports("{port: 80, endPort: 81}"), "tcp dport 80-81 return comment \"x/p\"\n");
  EXPECT_EQ(ports("{port: 80, endPort: 79}"), "");
  EXPECT_EQ(ports("{port: web, endPort: 90}"), "");
  EXPECT_EQ(ports("{endPort: 90}"), "");
  EXPECT_EQ(ports("{port: 80, protocol: SCTP}"), "sctp dport 80 return comment \"x/p\"\n");
  EXPECT_EQ(ports("{port: 80, protocol: QUIC}"), "");
  EXPECT_EQ(ports("{port: 70000}"), "");
}

// NP-043: a named port is that of the destination pod. NP-045: ipBlock never matches a named port
TEST(PolicyPlan, TakesNamesOfPortsFromTheDestination) {
  EXPECT_EQ(allowed(policy_with("{podSelector: {}, ingress: [{ports: [{port: web}]}]}")),
            "tcp dport 80 return comment \"x/p\"\n");
  EXPECT_EQ(members(policy_with("{podSelector: {}, policyTypes: [Egress], egress: [{to: "
                                "[{namespaceSelector: {}}], ports: [{port: web}]}]}"),
                    "n4_"),
            (Texts{"10.1.0.1 80", "10.1.1.3 8080"}));
  EXPECT_EQ(allowed(policy_with("{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: "
                                "{cidr: 10.0.0.0/8}}], ports: [{port: web}]}]}")),
            "");
}

// NP-061: except cuts only its own block. NP-063: host bits in cidr are masked; IPv4-mapped is
// refused; 0.0.0.0/0 does not match IPv6
TEST(PolicyPlan, CutsExceptionsOutOfBlocks) {
  const auto block = [](const std::string& text) {
    return allowed(policy_with("{podSelector: {}, ingress: [{from: [{ipBlock: " + text + "}]}]}"));
  };
  EXPECT_EQ(block("{cidr: 10.1.2.3/16}"), "ip saddr 10.1.0.0/16 return comment \"x/p\"\n");
  EXPECT_EQ(block("{cidr: 0.0.0.0/0}"), "meta nfproto ipv4 return comment \"x/p\"\n");
  EXPECT_EQ(block("{cidr: \"::ffff:10.0.0.0/104\"}"), "");
  EXPECT_EQ(block("{cidr: 10.0.0.0/8, except: [nonsense]}"), "");
  EXPECT_THAT(block("{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}"), HasSubstr("ip saddr @b4_"));
}

std::string cut(const std::string& block, const std::vector<std::string>& exceptions) {
  std::vector<base::Prefix> cuts;
  for (const std::string& each : exceptions) cuts.push_back(*base::Prefix::parse(each));
  std::string text;
  for (const AddressRange& each : cut_out(*base::Prefix::parse(block), cuts))
    text += each.first.text() + "-" + each.last.text() + " ";
  return text;
}

TEST(PolicyPlan, CutsAtTheEndsAndInTheMiddle) {
  EXPECT_EQ(cut("10.0.0.0/8", {"10.1.0.0/16"}), "10.0.0.0-10.0.255.255 10.2.0.0-10.255.255.255 ");
  EXPECT_EQ(cut("10.0.0.0/8", {"10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/16"}),
            "10.2.0.0-10.255.255.255 ");
  EXPECT_EQ(cut("0.0.0.0/0", {"128.0.0.0/1"}), "0.0.0.0-127.255.255.255 ");
  EXPECT_EQ(cut("10.0.0.0/8", {"0.0.0.0/0"}), "");
  EXPECT_EQ(cut("10.0.0.0/8", {"11.0.0.0/8", "fd00::/8"}), "10.0.0.0-10.255.255.255 ");
}

// NP-026: order and names never matter. NP-107: events out of order end in the same rules
TEST(PolicyPlan, MakesTheSameTableForEveryOrderOfTheObjects) {
  Objects objects =
      objects_of(kWorld + policy_with("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}") +
                 policy_with("{podSelector: {}, ingress: [{ports: [{port: web}]}]}", "q"));
  const PolicyTable table = make_table(objects, {.node = "here"});
  std::ranges::reverse(objects.pods);
  std::ranges::reverse(objects.policies);
  std::ranges::reverse(objects.namespaces);
  EXPECT_EQ(make_table(objects, {.node = "here"}), table);
}

// NP-141, and chapter 4: pods with the same policies share chains, policies share sets
TEST(PolicyPlan, SharesChainsOfPodsAndSetsOfPolicies) {
  const std::string second =
      "{apiVersion: v1, kind: Pod, metadata: {name: a2, namespace: x}, spec: {nodeName: here, "
      "containers: [{ports: [{name: web, containerPort: 80}]}]}, status: {podIP: 10.1.0.5}}\n---\n";
  const std::string policies =
      policy_with("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}") +
      policy_with("{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}",
                  "q");
  const PolicyTable table = make_table(objects_of(kWorld + second + policies), {.node = "here"});
  EXPECT_EQ(std::ranges::count_if(table.chains,
                                  [](const auto& each) { return each.name.starts_with("i_"); }),
            1);
  EXPECT_EQ(std::ranges::count_if(table.sets,
                                  [](const auto& each) { return each.name.starts_with("p4_"); }),
            1);
}

// One namespace must not take the node's memory and time: 1,500 peers with 1,500 ports each
TEST(PolicyPlan, AllowsNothingWhereAPodsPoliciesAreTooLarge) {
  std::string peers, ports;
  for (int i = 0; i < 1500; ++i) {
    peers += "{podSelector: {matchLabels: {n: a" + std::to_string(i) + "}}},";
    ports += "{port: " + std::to_string(i + 1) + "},";
  }
  const std::string large = policy_with("{podSelector: {}, ingress: [{from: [" + peers +
                                        "], ports: [" + ports + "]}, {}]}");
  EXPECT_EQ(allowed(large), "");
  EXPECT_THAT(make_table(objects_of(kWorld + large), {.node = "here"}).problems,
              testing::ElementsAre(HasSubstr("the policies of pod x/a have more than 2000 rules")));
  const std::string fits = policy_with("{podSelector: {}, ingress: [{ports: [" + ports + "]}]}");
  EXPECT_THAT(allowed(fits), HasSubstr("tcp dport 1500 return"));
}

// A name of a file's object stays inside the comment of a script
TEST(PolicyPlan, WritesNamesOfObjectsIntoCommentsAsPlainText) {
  const std::string named =
      policy_with("{podSelector: {}, ingress: [{}]}", R"("a\" } }\nflush ruleset #\0")");
  EXPECT_THAT(table_of(named), AllOf(HasSubstr("return comment \"x/a? ? ??flush ruleset ??\""),
                                     Not(HasSubstr("\nflush ruleset"))));
}

// NP-100: an address of this node's range that is not known is dropped
TEST(PolicyPlan, ClosesAddressesOfItsRangesThatNoPodHas) {
  const PolicyTable table = make_table(
      objects_of(kWorld), {.node = "here", .ranges = {*base::Prefix::parse("10.1.0.0/24")}});
  EXPECT_THAT(print_table(table), AllOf(HasSubstr("ip saddr != @known4 ip saddr @range4 drop"),
                                        HasSubstr("ip daddr != @known4 ip daddr @range4 drop")));
}

}  // namespace
}  // namespace agent::policy
