// SPDX-License-Identifier: Apache-2.0
// ingressPolicy: which packets between bridges and inside a bridge arrive.
#include <unistd.h>

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/host/firewall_pods.h"

namespace firewall_plugin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kSameBridge = R"("ingressPolicy":"same-bridge",)";
constexpr const char* kIsolated = R"("ingressPolicy":"isolated",)";

/// A second bridge, br1, with one pod.
class Isolation : public Firewall, public ::testing::WithParamInterface<const char*> {
 protected:
  static constexpr const char* kOther = "10.33.0.5";
  Isolation() : other_(world_.host.add_sandbox()) {
    const std::string fd =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(other_.netns.fd());
    test::output_of(
        "ip link add br1 type bridge; ip address add 10.33.0.1/24 dev br1; ip link set br1 up; "
        "ip link add port1 type veth peer name eth0 netns " +
        fd + "; ip link set port1 master br1 up");
    test::output_in(other_,
                    "ip link set lo up; ip link set eth0 up; ip address add 10.33.0.5/24 dev eth0; "
                    "ip route add default via 10.33.0.1");
  }
  std::string conf(const char* policy) const { return GetParam() + std::string(policy); }
  void add_other(const char* policy) {
    cni::Request made = request(cni::Verb::add, {"o1", kOther}, conf(policy));
    made.network = "net2";
    made.prev_result->interfaces[0].name = "br1";
    add(made);
  }
  std::string between_bridges() const { return world_.tcp(world_.pod, 80, &other_, {W::kPod, 80}); }
  std::string back() const { return world_.tcp(other_, 80, &world_.pod, {kOther, 80}); }
  std::string inside() const {
    return world_.tcp(world_.pod, 80, &world_.neighbour, {W::kPod, 80});
  }
  test::TestHost::Sandbox other_;
};

TEST_P(Isolation, SameBridgeStopsPacketsBetweenBridges) {
  add_pod(kPod, conf(""));
  add_other("");
  EXPECT_EQ(between_bridges(), kOther);
  add_pod(kPod, conf(kSameBridge));
  add_other(kSameBridge);
  EXPECT_EQ(between_bridges(), "nothing");
  EXPECT_EQ(back(), "nothing");
  EXPECT_EQ(inside(), W::kNeighbour);
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  EXPECT_EQ(world_.tcp(world_.pod, 80, &world_.outside, {W::kPod, 80}), W::kOutside);
  check_pod(kPod, conf(kSameBridge));
  remove_pod(kPod, conf(kSameBridge));
}

TEST_P(Isolation, IsolatedStopsPacketsInsideABridgeToo) {
  test::output_of("sysctl -qw net.bridge.bridge-nf-call-iptables=1");
  add_pod(kPod, conf(kIsolated));
  add_other(kIsolated);
  EXPECT_EQ(between_bridges(), "nothing");
  EXPECT_EQ(inside(), "nothing");
  EXPECT_EQ(reaches_outside(W::kOutside), W::kPod);
  check_pod(kPod, conf(kIsolated));
  // The next ADD with another policy takes the stricter rule back.
  add_pod(kNeighbour, conf(kSameBridge));
  EXPECT_EQ(inside(), W::kNeighbour);
  EXPECT_EQ(between_bridges(), "nothing");
  EXPECT_ANY_THROW(check_pod(kPod, conf(kIsolated)));
  check_pod(kPod, conf(kSameBridge));
}

TEST_P(Isolation, ASecondAddChangesNothing) {
  add_pod(kPod, conf(kIsolated));
  const std::string before = rules_with_handles();
  add_pod(kPod, conf(kIsolated));
  EXPECT_EQ(rules_with_handles(), before);
}

TEST_P(Isolation, NeedsABridgeInPrevResult) {
  cni::Request made = request(cni::Verb::add, kPod, conf(kIsolated));
  made.prev_result->interfaces.clear();
  try {
    add(made);
    ADD_FAILURE() << "no failure";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::invalid_config);
    EXPECT_STREQ(error.what(),
                 "interface needs to be set for ingress policy \"isolated\", make sure to chain "
                 "\"firewall\" plugin with \"bridge\"");
  }
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod)));
}

TEST_P(Isolation, RefusesANameInPrevResultThatNoBridgeCanHave) {
  for (const char* name : {"br0\n-F FORWARD", "a-name-of-more-than-15", "br 0"}) {
    cni::Request made = request(cni::Verb::add, kPod, conf(kIsolated));
    made.prev_result->interfaces[0].name = name;
    try {
      add(made);
      ADD_FAILURE() << "no failure with " << name;
    } catch (const cni::Error& error) {
      EXPECT_EQ(error.code(), cni::Code::invalid_config);
      EXPECT_THAT(error.what(), HasSubstr("bridge name " + json::quote(name)));
    }
  }
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr(W::kPod)));
}

INSTANTIATE_TEST_SUITE_P(Backends, Isolation, ::testing::Values(kIptables, kNftables));

using IsolationByIptables = Isolation;

TEST_P(IsolationByIptables, RulesAreTheReferences) {
  add_pod({"c1", W::kPod}, conf(kIsolated));
  EXPECT_THAT(filter(), StartsWith(R"x(*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
:CNI-ADMIN -
:CNI-FORWARD -
:CNI-ISOLATION-STAGE-1 -
:CNI-ISOLATION-STAGE-2 -
-A FORWARD -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j CNI-ISOLATION-STAGE-1
-A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
-A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
-A CNI-FORWARD -d 10.22.0.5/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A CNI-FORWARD -s 10.22.0.5/32 -j ACCEPT
-A CNI-ISOLATION-STAGE-1 -i br0 -o br0 -m comment --comment "CNI firewall plugin rules (ingressPolicy: isolated)" -j DROP
-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 -m comment --comment "CNI firewall plugin rules (ingressPolicy: isolated)" -j CNI-ISOLATION-STAGE-2
-A CNI-ISOLATION-STAGE-1 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j RETURN
-A CNI-ISOLATION-STAGE-2 -o br0 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j DROP
-A CNI-ISOLATION-STAGE-2 -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j RETURN
COMMIT
)x"));
}

TEST_P(IsolationByIptables, AnotherNetworkKeepsItsIsolationWhenTheAcceptingJumpIsMadeAgain) {
  add_pod(kPod, conf(kSameBridge));
  add_other(kSameBridge);
  test::output_of(
      "iptables -D FORWARD -m comment --comment 'CNI firewall plugin rules' -j CNI-FORWARD");
  add_pod(kNeighbour, conf(""));  // puts the jump at the head
  EXPECT_EQ(between_bridges(), "nothing");
  check_pod(kPod, conf(kSameBridge));
}

TEST_P(IsolationByIptables, CheckFailsWhenPacketsAreAcceptedFirst) {
  add_pod(kPod, conf(kSameBridge));
  test::output_of(
      "iptables -D FORWARD 2; iptables -I FORWARD 1 -m comment --comment 'CNI firewall plugin "
      "rules' -j CNI-FORWARD");
  EXPECT_ANY_THROW(check_pod(kPod, conf(kSameBridge)));
  add_pod(kNeighbour, conf(kSameBridge));
  check_pod(kPod, conf(kSameBridge));
}

TEST_P(IsolationByIptables, TheJumpMovesInFrontOfARuleThatAcceptsAll) {
  add_pod(kPod, conf(kSameBridge));
  test::output_of(
      "iptables -I FORWARD 1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; iptables -I "
      "FORWARD 1 -i br0 -j ACCEPT");
  check_pod(kPod, conf(kSameBridge));
  test::output_of("iptables -I FORWARD 1 -j ACCEPT");
  EXPECT_ANY_THROW(check_pod(kPod, conf(kSameBridge)));
  add_pod(kNeighbour, conf(kSameBridge));
  check_pod(kPod, conf(kSameBridge));
}

INSTANTIATE_TEST_SUITE_P(Backend, IsolationByIptables, ::testing::Values(kIptables));

}  // namespace
}  // namespace firewall_plugin
