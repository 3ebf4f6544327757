// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/bridged_services.h"
#include "libcni/net/bridge_filter.h"
#include "libcni/net/sysctl.h"
#include "tests/support/host/test_host.h"

namespace agent {
namespace {

using namespace test::oracle;
using test::output_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// K4: a bridge of pods whose packets meet no rules of IP, and one that is not the pods'.
class BridgedServicesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!net::find_sysctl(net::bridge_filter_key(AF_INET)))
      GTEST_SKIP() << "br_netfilter is not loaded; tests/vm loads it";
    for (const int family : {AF_INET, AF_INET6})
      net::write_sysctl(net::bridge_filter_key(family), "0");
    output_of(
        "ip link add cni0 type bridge; ip address add 10.22.1.1/24 dev cni0;"
        "ip address add fd00:22:1::1/64 dev cni0; ip link add other type bridge;"
        "ip address add 10.99.0.1/24 dev other; ip address add fd00:99::1/64 dev other");
  }
  /// `4 6`: the families whose packets the bridge shows to the rules.
  static std::string calls_of(const std::string& name) {
    const std::string line = test::oracle::text_of(lines_with(links(), ": " + name + " bridge "));
    if (line.empty()) return "missing";
    const auto has = [&](const char* word) { return line.find(word) != line.npos; };
    return std::string(has(" nf_call_iptables") ? "4" : "") +
           (has(" nf_call_ip6tables") ? "6" : "");
  }
  /// As on a machine without the module, where `folder` is its part of /proc/sys.
  static void hide(const char* folder) {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount("hidden", folder, "tmpfs", 0, nullptr), 0);
  }

  test::TestHost host_;
  net::Netlink netlink_;
  BridgedServices services_;
  const std::vector<base::Prefix> ranges_ = {*base::Prefix::parse("10.22.1.0/24"),
                                             *base::Prefix::parse("fd00:22:1::/64")};
};

struct Case {
  const char* what;
  const char* load;
  const char* expected;
};
const std::vector<Case> kCases = {
    {"nftables, IPv4", "nft add table ip kube-proxy", "4"},
    {"nftables, IPv6", "nft add table ip6 kube-proxy", "6"},
    {"iptables-nft, IPv4", "iptables-nft -t nat -N KUBE-SERVICES", "4"},
    {"iptables-nft, IPv6", "ip6tables-nft -t nat -N KUBE-SERVICES", "6"},
    {"iptables-legacy, IPv4", "iptables-legacy -t nat -N KUBE-SERVICES", "4"},
    {"iptables-legacy, IPv6", "ip6tables-legacy -t nat -N KUBE-SERVICES", "6"},
    {"both families", "nft add table ip kube-proxy; nft add table ip6 kube-proxy", "46"},
    {"the kubelet's chains", "iptables-nft -t nat -N KUBE-MARK-DROP", ""},
    {"nothing", "true", ""},
};

class KubeProxyKindTest : public BridgedServicesTest, public testing::WithParamInterface<Case> {};

TEST_P(KubeProxyKindTest, SetsThePodsBridgeOfItsFamilyOnly) {
  services_.look(netlink_, ranges_);
  EXPECT_EQ(calls_of("cni0"), "");
  output_of(GetParam().load);
  services_.look(netlink_, ranges_);
  EXPECT_EQ(calls_of("cni0"), GetParam().expected);
  EXPECT_EQ(calls_of("other"), "");
  EXPECT_THAT(services_.problems(), IsEmpty());
  for (const int family : {AF_INET, AF_INET6})
    EXPECT_EQ(net::find_bridge_filter_of_all(family), false) << "the sysctl is the operator's";
}

INSTANTIATE_TEST_SUITE_P(All, KubeProxyKindTest, testing::ValuesIn(kCases),
                         [](const auto& at) { return std::to_string(at.index); });

TEST_F(BridgedServicesTest, LeavesBridgesAloneWhereTheSysctlIsOn) {
  output_of("nft add table ip kube-proxy");
  net::write_sysctl(net::bridge_filter_key(AF_INET), "1");
  services_.look(netlink_, ranges_);
  EXPECT_EQ(calls_of("cni0"), "");
}

TEST_F(BridgedServicesTest, SetsABridgeAgainThatAnotherProgramChanged) {
  output_of("nft add table ip kube-proxy");
  services_.look(netlink_, ranges_);
  output_of("ip link set cni0 type bridge nf_call_iptables 0");
  services_.look(netlink_, ranges_);
  EXPECT_EQ(calls_of("cni0"), "4");
}

TEST_F(BridgedServicesTest, NoticesLegacyRulesThatGoAndComeBack) {
  KubeProxy kube_proxy;
  EXPECT_FALSE(kube_proxy.has_rules(AF_INET));
  for (int round = 0; round < 2; ++round) {
    output_of("iptables-legacy -t nat -N KUBE-SERVICES");
    EXPECT_TRUE(kube_proxy.has_rules(AF_INET));
    EXPECT_TRUE(kube_proxy.has_rules(AF_INET));
    output_of("iptables-legacy -t nat -X KUBE-SERVICES");
    EXPECT_FALSE(kube_proxy.has_rules(AF_INET));
  }
}

TEST_F(BridgedServicesTest, NamesTheModuleThatIsMissing) {
  hide("/proc/sys/net/bridge");
  services_.look(netlink_, ranges_);
  EXPECT_THAT(services_.problems(), IsEmpty()) << "without a kube-proxy";
  output_of("nft add table ip kube-proxy; ip link set cni0 type bridge nf_call_iptables 1");
  services_.look(netlink_, ranges_);
  EXPECT_THAT(services_.problems(),
              ElementsAre(AllOf(HasSubstr("\"cni0\""), HasSubstr("IPv4"), HasSubstr("Service"),
                                HasSubstr("net.bridge.bridge-nf-call-iptables"),
                                HasSubstr("modprobe br_netfilter"))));
  output_of("nft delete table ip kube-proxy");
  services_.look(netlink_, ranges_);
  EXPECT_THAT(services_.problems(), IsEmpty());
}

TEST_F(BridgedServicesTest, DistinguishesAMissingProcFromAMissingModule) {
  output_of("nft add table ip kube-proxy");
  hide("/proc/sys");
  services_.look(netlink_, ranges_);
  EXPECT_THAT(services_.problems(), ElementsAre(AllOf(HasSubstr("cannot find out"),
                                                      HasSubstr("bridge-nf-call-iptables"))));
}

TEST_F(BridgedServicesTest, LooksForTheRangesThatItIsGiven) {
  output_of("nft add table ip kube-proxy");
  services_.look(netlink_, {});
  EXPECT_FALSE(services_.has_looked_at(ranges_));
  services_.look(netlink_, {*base::Prefix::parse("10.23.0.0/16")});
  EXPECT_EQ(calls_of("cni0"), "");
  services_.look(netlink_, ranges_);
  EXPECT_TRUE(services_.has_looked_at(ranges_));
  EXPECT_EQ(calls_of("cni0"), "4");
}

}  // namespace
}  // namespace agent
