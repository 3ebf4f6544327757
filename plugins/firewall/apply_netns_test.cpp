// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/forward_rules.h"
#include "tests/support/host/firewall_pods.h"

namespace firewall_plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

class FirewallBackends : public Firewall, public ::testing::WithParamInterface<const char*> {};

TEST_P(FirewallBackends, LetThePodOutWhereForwardDrops) {
  let_forward_drop();
  EXPECT_EQ(reaches_outside(W::kOutside), "nothing");
  add_pod(kPod, GetParam());
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  EXPECT_EQ(reaches_outside(W::kOutside6), W::kPod6);
  // Connections to the pod are not let in.
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kPod, 80}), "nothing");
  check_pod(kPod, GetParam());
  remove_pod(kPod, GetParam());
  EXPECT_EQ(reaches_outside(W::kOutside), "nothing");
  EXPECT_EQ(reaches_outside(W::kOutside6), "nothing");
  EXPECT_ANY_THROW(check_pod(kPod, GetParam()));
  remove_pod(kPod, GetParam());  // S-164
}

TEST_P(FirewallBackends, ASecondAddChangesNothing) {
  let_forward_drop();
  add_pod(kPod, GetParam());
  const std::string before = rules_with_handles();
  add_pod(kPod, GetParam());
  EXPECT_EQ(rules_with_handles(), before);
}

TEST_P(FirewallBackends, AnAddressOfTwoPodsStaysOpenUntilBothAreGone) {
  let_forward_drop();
  const Pod successor{"c9", W::kPod, W::kPod6};
  add_pod(kPod, GetParam());
  add_pod(successor, GetParam());
  remove_pod(kPod, GetParam());  // late: the address belongs to another pod by now
  remove_pod(kPod, GetParam());
  check_pod(successor, GetParam());
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  remove_pod(successor, GetParam());
  EXPECT_EQ(reaches_outside(W::kOutside), "nothing");
}

TEST_P(FirewallBackends, DelFindsThePodWithoutPrevResult) {
  let_forward_drop();
  add_pod(kPod, GetParam());
  add_pod(kNeighbour, GetParam());
  remove_pod_without_result(kPod);
  EXPECT_THAT(filter(), Not(HasSubstr(W::kPod)));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod)));
  check_pod(kNeighbour, GetParam());
}

TEST_P(FirewallBackends, S194_GcKeepsValidAttachmentsAndOtherNetworks) {
  let_forward_drop();
  add_pod(kPod, GetParam());
  cni::Request elsewhere = request(cni::Verb::add, kNeighbour, GetParam());
  elsewhere.network = "net2";
  add(elsewhere);
  collect({{"c1", "eth0"}});
  check_pod(kPod, GetParam());
  collect({});
  EXPECT_ANY_THROW(check_pod(kPod, GetParam()));
  check_pod(kNeighbour, GetParam());
}

TEST_P(FirewallBackends, AFailedAddLeavesNothing) {
  let_forward_drop();
  // The jump that an ADD puts into CNI-FORWARD would close a loop.
  test::output_of(
      "iptables -N CNI-FORWARD; iptables -N CNI-ADMIN; iptables -A CNI-ADMIN -j CNI-FORWARD");
  EXPECT_ANY_THROW(add(request(cni::Verb::add, kPod, GetParam())));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod)));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod6)));
}

TEST_P(FirewallBackends, DelWithAPartOfTheAddressesRemovesAll) {
  let_forward_drop();
  add_pod(kPod, GetParam());
  remove_pod({kPod.id, kPod.v4}, GetParam());
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod6)));
}

INSTANTIATE_TEST_SUITE_P(Backends, FirewallBackends, ::testing::Values(kIptables, kNftables));

TEST_F(Firewall, IptablesRulesAreTheReferences) {
  add_pod(kPod, kIptables);
  EXPECT_EQ(filter(), R"(*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
:CNI-ADMIN -
:CNI-FORWARD -
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 10.22.0.5/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.22.0.5/32 -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
:CNI-ADMIN -
:CNI-FORWARD -
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d fd00:22::5/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s fd00:22::5/128 -j ACCEPT
COMMIT
)");
}

TEST_F(Firewall, IptablesFindsTheRulesByTheirWords) {
  add_pod(kPod, kIptables);
  EXPECT_EQ(
      test::output_of("iptables -D CNI-FORWARD -d 10.22.0.5/32 -m conntrack --ctstate "
                      "RELATED,ESTABLISHED -j ACCEPT && iptables -D CNI-FORWARD -s 10.22.0.5/32 "
                      "-j ACCEPT && iptables -C FORWARD -m comment --comment 'CNI firewall plugin "
                      "rules' -j CNI-FORWARD && iptables -C CNI-FORWARD -m comment --comment 'CNI "
                      "firewall plugin admin overrides' -j CNI-ADMIN && echo found"),
      "found\n");
  remove_pod(kPod);
}

TEST_F(Firewall, AnIpv4PodNeedsNoRuleForIpv6) {
  add_pod({"c1", W::kPod}, kIptables);
  EXPECT_EQ(test::output_of("nft list table ip6 filter 2>&1 | grep -c chain"), "0\n");
  check_pod({"c1", W::kPod}, kIptables);
}

TEST_F(Firewall, AdministratorsRulesComeFirst) {
  let_forward_drop();
  add_pod(kPod, R"("backend":"iptables","iptablesAdminChainName":"NOMAD-ADMIN",)");
  test::output_of("iptables -A NOMAD-ADMIN -d 192.0.2.2 -j DROP");
  EXPECT_EQ(reaches_outside(W::kOutside), "nothing");
  EXPECT_EQ(reaches_outside(W::kOutside6), W::kPod6);
}

TEST_F(Firewall, TheJumpMovesInFrontOfARuleThatDropsAll) {
  test::output_of("iptables -A FORWARD -j REJECT");
  add_pod(kPod, kIptables);
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  test::output_of("iptables -I FORWARD 1 -j REJECT");
  EXPECT_THAT([&] { check_pod(kPod, kIptables); },
              ThrowsMessage<std::runtime_error>(HasSubstr("has no effect in chain FORWARD")));
  add_pod(kNeighbour, kIptables);
  check_pod(kPod, kIptables);
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  EXPECT_EQ(test::output_of("iptables -S FORWARD | grep -c CNI-FORWARD"), "1\n");
}

TEST_F(Firewall, CheckNamesWhatIsMissing) {
  struct Loss {
    const char* command;
    const char* text;
  };
  constexpr Loss kLosses[] = {
      {"iptables -D CNI-FORWARD -s 10.22.0.5 -j ACCEPT",
       "rule \"-s 10.22.0.5/32 -j ACCEPT\" is missing from chain CNI-FORWARD of iptables table "
       "filter"},
      {"ip6tables -F CNI-FORWARD", "is missing from chain CNI-FORWARD of ip6tables table filter"},
      {"iptables -D FORWARD 1", "-j CNI-FORWARD\" is missing from chain FORWARD"},
      {"iptables -D CNI-FORWARD 1", "-j CNI-ADMIN\" is missing from chain CNI-FORWARD"}};
  for (const Loss& loss : kLosses) {
    add_pod(kPod, kIptables);
    check_pod(kPod, kIptables);
    test::output_of(loss.command);
    EXPECT_THAT([&] { check_pod(kPod, kIptables); },
                ThrowsMessage<std::runtime_error>(HasSubstr(loss.text)))
        << loss.command;
    add_pod(kNeighbour, kIptables);  // repairs what pods share
    remove_pod(kPod);
  }
}

TEST_F(Firewall, CheckPassesWithFurtherRulesOfOthers) {
  add_pod(kPod, kIptables);
  test::output_of(
      "iptables -I FORWARD 1 -j DOCKER-USER 2>/dev/null; iptables -N DOCKER-USER; iptables -I "
      "FORWARD 1 -j DOCKER-USER; iptables -I FORWARD 1 -p tcp --dport 99 -j DROP; iptables -A "
      "FORWARD -j REJECT");
  check_pod(kPod, kIptables);
}

constexpr const char* kReferencesRules =
    "iptables -N CNI-FORWARD; iptables -N CNI-ADMIN; iptables -I FORWARD 1 -m comment --comment "
    "'CNI firewall plugin rules' -j CNI-FORWARD; iptables -I CNI-FORWARD 1 -m comment --comment "
    "'CNI firewall plugin admin overrides' -j CNI-ADMIN; iptables -A CNI-FORWARD -d 10.22.0.5/32 "
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -A CNI-FORWARD -s "
    "10.22.0.5/32 -j ACCEPT";

TEST_F(Firewall, DelRemovesTheReferencesRulesOfThePod) {
  test::output_of(kReferencesRules);
  const Pod pod{"c1", W::kPod};
  check_pod(pod);
  collect({});  // they name neither an owner nor a network
  check_pod(pod);
  add_pod({"c2", W::kNeighbour}, kIptables);
  remove_pod(pod);
  EXPECT_THAT(filter(), Not(HasSubstr("10.22.0.5/32")));
  EXPECT_THAT(filter(), HasSubstr("-A CNI-FORWARD -s 10.22.0.6/32 -j ACCEPT"));
}

// The pod's link is of another suite: nothing but the rules tells that the pod is new.
TEST_F(Firewall, GcSparesThePodThatIsAddedAfterItBegan) {
  add_pod(kNeighbour, kIptables);
  cni::Request gc = request(cni::Verb::gc, kPod);
  add_pod(kPod, kIptables);
  collect_garbage(gc);
  check_pod(kPod, kIptables);
  EXPECT_ANY_THROW(check_pod(kNeighbour, kIptables));
}

// The rules of the second pod have the handles that the first pod's had.
TEST_F(Firewall, GcLeavesRulesThatCameAfterAFlush) {
  add_pod(kNeighbour, kIptables);
  nft::Nft nft;
  const auto remove_stale = firewall::find_stale_forward_rules(nft, "net1", {}, base::boot_time());
  test::output_of("nft flush ruleset");
  add_pod(kPod, kIptables);
  remove_stale();
  check_pod(kPod, kIptables);
}

TEST_F(Firewall, APodAmongManyIsAddedAndRemovedAlone) {
  constexpr const char* kMore = R"("backend":"iptables","iptablesAdminChainName":"MORE-ADMIN",)";
  const auto many = [](int n) {
    return Pod{"m" + std::to_string(n), "10.22.1." + std::to_string(n)};
  };
  for (int n = 1; n <= 100; ++n) add_pod(many(n), kIptables);
  add_pod(kPod, kIptables);
  check_pod(kPod, kIptables);
  add_pod(kPod, kIptables);  // the chain is too long to be read for this
  add_pod(many(101), kMore);
  check_pod(many(101), kMore);
  remove_pod(many(101));
  test::output_of("iptables -D CNI-FORWARD 1; iptables -X MORE-ADMIN");
  remove_pod_without_result(kPod);
  EXPECT_EQ(test::output_of("iptables -S CNI-FORWARD | wc -l"), "202\n");
  EXPECT_THAT(filter(), Not(HasSubstr(W::kPod6)));
}

TEST_F(Firewall, APodAmongManyGetsTheJumpToAnAdminChainThatExistsAlready) {
  constexpr const char* kNomad = R"("backend":"iptables","iptablesAdminChainName":"NOMAD-ADMIN",)";
  for (int n = 1; n <= 70; ++n)
    add_pod({"m" + std::to_string(n), "10.22.1." + std::to_string(n)}, kIptables);
  test::output_of("iptables -N NOMAD-ADMIN; iptables -A NOMAD-ADMIN -d 192.0.2.2 -j DROP");
  for (int i = 0; i < 2; ++i) add_pod({"c1", W::kPod}, kNomad);
  check_pod({"c1", W::kPod}, kNomad);
  EXPECT_EQ(test::output_of("iptables -S CNI-FORWARD | grep -c NOMAD-ADMIN"), "1\n");
}

TEST_F(Firewall, TheNftablesBackendLeavesAHostWithoutIptablesAlone) {
  add_pod(kPod, kNftables);
  EXPECT_EQ(test::output_of("nft list tables"), "table inet cni_plugins_firewall\n");
  EXPECT_EQ(test::output_of("nft list ruleset"), R"(table inet cni_plugins_firewall {
	comment "CNI firewall plugin"
	set pods_ipv4 {
		type ipv4_addr
		elements = { 10.22.0.5 comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1" }
	}

	set pods_ipv6 {
		type ipv6_addr
		elements = { fd00:22::5 comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1" }
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		ip daddr @pods_ipv4 ct state established,related accept comment "replies to pods_ipv4"
		ip saddr @pods_ipv4 accept comment "from pods_ipv4"
		ip6 daddr @pods_ipv6 ct state established,related accept comment "replies to pods_ipv6"
		ip6 saddr @pods_ipv6 accept comment "from pods_ipv6"
	}
}
)");
  check_pod(kPod, kNftables);
  test::output_of("nft flush chain inet cni_plugins_firewall forward");
  EXPECT_ANY_THROW(check_pod(kPod, kNftables));
  add_pod(kNeighbour, kNftables);
  check_pod(kPod, kNftables);
}

TEST_F(Firewall, StatusPassesOnThisHost) {
  for (const char* backend : {"", kIptables, kNftables})
    EXPECT_NO_THROW(report_status(request(cni::Verb::status, kPod, backend)));
}

TEST_F(Firewall, StatusNamesAChainOfAnotherProgramThatDrops) {
  const auto status_log = [&] {
    testing::internal::CaptureStderr();
    report_status(request(cni::Verb::status, kPod, kNftables));
    return testing::internal::GetCapturedStderr();
  };
  let_forward_drop();
  EXPECT_EQ(status_log(), "");
  test::output_of(
      "nft 'add table inet own; add chain inet own gate { type filter hook forward "
      "priority 5; policy drop; }'");
  EXPECT_THAT(status_log(), HasSubstr("chain gate of nf_tables table own drops"));
}

}  // namespace
}  // namespace firewall_plugin
