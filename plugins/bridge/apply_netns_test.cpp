// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/json/result.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "plugins/bridge/apply.h"
#include "tests/support/host/test_host.h"

namespace bridge {
namespace {

using namespace test::oracle;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kIpam = R"(
echo "$CNI_COMMAND" >> $DIR/log
[ "$CNI_COMMAND" = ADD ] && cat <<END
{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.5/16","gateway":"10.1.0.1"},
 {"address":"fd00::5/64","gateway":"fd00::1"}],"routes":[{"dst":"10.99.0.0/16","mtu":1400}]}
END
exit 0)";

std::string config(const std::string& more) {
  return R"({"cniVersion":"1.1.0","name":"net1","type":"bridge")" + more +
         R"(,"ipam":{"type":"long-name-of-fake"}})";
}

class BridgeApply : public ::testing::Test {
 protected:
  BridgeApply() { host_.install_ipam(kIpam); }

  cni::Result add_with(const std::string& more) {
    return add(host_.request(cni::Verb::add, config(more), sandbox_));
  }
  void check_with(const std::string& more, const cni::Result& result) {
    auto request = host_.request(cni::Verb::check, config(more), sandbox_);
    request.prev_result = result;
    verify(request);
  }
  void remove_with(const std::string& more, const std::optional<cni::Result>& result = {}) {
    auto request = host_.request(cni::Verb::del, config(more), sandbox_);
    request.prev_result = result;
    remove(request);
  }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

constexpr const char* kGateway = R"(,"isDefaultGateway":true)";

TEST_F(BridgeApply, S151_ResultIsTheKernelsState) {
  const cni::Result result = add_with(kGateway);
  ASSERT_EQ(result.interfaces.size(), 3u);
  EXPECT_EQ(result.interfaces[0].name, "cni0");
  EXPECT_TRUE(result.interfaces[1].name.starts_with("veth"));
  EXPECT_EQ(result.interfaces[2].sandbox, sandbox_.path);
  EXPECT_THAT(read_in(sandbox_, &links),
              Contains(AllOf(HasSubstr(": eth0 veth up mtu 1500 "),
                             HasSubstr(" mac " + result.interfaces[2].mac))));
  // S-159: neither address is tentative.
  EXPECT_THAT(read_in(sandbox_, &addresses),
              IsSupersetOf({"eth0 10.1.0.5/16 brd 10.1.255.255", "eth0 fd00::5/64"}));
  const std::string inside = text_in(sandbox_, &routes);
  EXPECT_THAT(inside, HasSubstr("main default via 10.1.0.1 dev eth0 "));
  EXPECT_THAT(inside, HasSubstr("main default via fd00::1 dev eth0 "));
  EXPECT_THAT(inside,
              HasSubstr("main 10.99.0.0/16 via 10.1.0.1 dev eth0 proto 3 metric 0 mtu 1400"));
  EXPECT_THAT(links(),
              AllOf(Contains(AllOf(HasSubstr(": cni0 bridge up "),
                                   HasSubstr(" mac " + result.interfaces[0].mac))),
                    Contains(AllOf(HasSubstr(": " + result.interfaces[1].name + " veth up"),
                                   HasSubstr(" master cni0")))));
  EXPECT_THAT(addresses(), IsSupersetOf({"cni0 10.1.0.1/16 brd 10.1.255.255", "cni0 fd00::1/64"}));
  EXPECT_EQ(test::output_of("sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding"),
            "1\n1\n");
  // Duplicate address detection takes a second, in which the host cannot forward IPv6 to the pod.
  net::Netlink host;
  EXPECT_NO_THROW(
      net::wait_dad(host, base::Netns::current(), net::get_link(host, "cni0").index, 500));
  EXPECT_THAT(addresses(), Not(Contains(AllOf(HasSubstr("cni0 "), HasSubstr("tentative")))));
}

constexpr const char* kListening =
    "sysctl -n net.ipv6.conf.eth0.accept_ra net.ipv6.conf.eth0.accept_redirects"
    " net.ipv4.conf.eth0.accept_redirects net.ipv4.conf.all.accept_redirects";

TEST_F(BridgeApply, S266_PodRefusesRouterAdvertisementsUnlessConfigured) {
  const cni::Result result = add_with(kGateway);
  EXPECT_EQ(test::output_in(sandbox_, kListening), "0\n0\n0\n0\n");
  remove_with(kGateway, result);
  sandbox_ = host_.add_sandbox();
  const std::string before = test::output_in(sandbox_, "sysctl -n net.ipv6.conf.lo.accept_ra");
  add_with(R"(,"acceptRa":true)");
  EXPECT_EQ(test::output_in(sandbox_, "sysctl -n net.ipv6.conf.eth0.accept_ra"), before);
}

TEST_F(BridgeApply, S266_PodWithoutIpamMayLearnItsAddressFromRouters) {
  add(host_.request(cni::Verb::add, R"({"cniVersion":"1.1.0","name":"net1","type":"bridge"})",
                    sandbox_));
  EXPECT_EQ(test::output_in(sandbox_, "sysctl -n net.ipv6.conf.eth0.accept_ra"), "1\n");
}

TEST_F(BridgeApply, PortHasNoAddressOfItsOwn) {
  const std::string port = add_with(kGateway).interfaces[1].name;
  EXPECT_THAT(addresses(), Not(Contains(StartsWith(port + " "))));
  EXPECT_THAT(test::output_in(sandbox_, "ping -c1 -W2 fd00::1"), HasSubstr("1 received"));
}

TEST_F(BridgeApply, S159_BothEndsTakePacketsInOnReturn) {
  for (int i = 0; i < 10; ++i) {
    const cni::Result result = add_with(kGateway);
    EXPECT_TRUE(test::takes_ipv6(sandbox_, result, "cni0", "fd00::1"));
    remove_with(kGateway, result);
  }
}

TEST_F(BridgeApply, S185_CheckPassesRightAfterAddAndAgain) {
  const cni::Result result = add_with(kGateway);
  for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(check_with(kGateway, result));
}

TEST_F(BridgeApply, S180_CheckNamesTheMissingObject) {
  const cni::Result result = add_with(kGateway);
  const auto broken_by = [&](const std::string& command, bool inside) {
    inside ? test::output_in(sandbox_, command) : test::output_of(command);
    try {
      check_with(kGateway, result);
    } catch (const cni::Error& e) {
      return std::string(e.what());
    }
    return std::string("CHECK passed");
  };
  EXPECT_EQ(broken_by("ip addr del 10.1.0.1/16 dev cni0", false),
            "gateway address 10.1.0.1/16 is missing on \"cni0\"");
  test::output_of("ip addr add 10.1.0.1/16 dev cni0");
  EXPECT_EQ(broken_by("ip route del 10.99.0.0/16", true),
            "Expected Route 10.99.0.0/16 not found in routing table");
  test::output_in(sandbox_, "ip route add 10.99.0.0/16 via 10.1.0.1");
  EXPECT_EQ(broken_by("ip link set " + result.interfaces[1].name + " nomaster", false),
            "CNI veth created for bridge cni0 was not found");
  test::output_of("ip link set " + result.interfaces[1].name + " master cni0");
  EXPECT_EQ(broken_by("ip -6 addr del fd00::5/64 dev eth0", true),
            "Failed to match addr fd00::5/64 on interface eth0");
  EXPECT_EQ(broken_by("ip link set eth0 down", true), "link eth0 is down");
  EXPECT_EQ(broken_by("ip link del eth0", true), "Cannot find container link eth0");
}

TEST_F(BridgeApply, S155_AddAndDelLeaveOnlyTheBridgeHoweverOften) {
  std::string after;
  for (int i = 0; i < 5; ++i) {
    const cni::Result result = add_with(kGateway);
    remove_with(kGateway, result);
    if (i == 0) after = test::links();
    EXPECT_EQ(test::links(), after);
  }
  EXPECT_THAT(after, Not(HasSubstr("veth")));
}

TEST_F(BridgeApply, S164_DelSucceedsThreeTimesAndReleasesTheAddressEachTime) {
  add_with("");
  for (int i = 0; i < 3; ++i) EXPECT_NO_THROW(remove_with(""));
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\nDEL\nDEL\n");
}

TEST_F(BridgeApply, S165_DelWithoutNamespaceStillRemovesTheHostsEnd) {
  const cni::Result result = add_with("");
  auto request = host_.request(cni::Verb::del, config(""), sandbox_);
  request.sandbox.reset();
  request.prev_result = result;
  remove(request);
  EXPECT_THAT(test::links(), Not(HasSubstr("veth")));
}

TEST_F(BridgeApply, S168_DelLeavesALinkOfAnotherOwner) {
  const cni::Result result = add_with("");
  test::output_in(sandbox_, "ip link del eth0; ip link add eth0 type ifb");
  remove_with("", result);
  EXPECT_THAT(text_in(sandbox_, &links), HasSubstr(": eth0 ifb "));
  test::output_in(sandbox_, "ip link del eth0; ip link add eth0 type veth peer name other");
  remove_with("", result);
  EXPECT_THAT(text_in(sandbox_, &links), HasSubstr(": eth0 veth "));
}

TEST_F(BridgeApply, S170_DelRemovesTheLinkAlthoughIpamFails) {
  add_with("");
  host_.install_ipam(R"(echo '{"code":123,"msg":"store is gone"}'; exit 1)");
  EXPECT_THROW(remove_with(""), cni::Error);
  EXPECT_THAT(test::links(), Not(HasSubstr("veth")));
}

TEST_F(BridgeApply, S033_SecondAddIsRefusedAndTheFirstUnharmed) {
  const cni::Result first = add_with(kGateway);
  const std::string before = test::links();
  EXPECT_THROW(add_with(kGateway), cni::Error);
  EXPECT_EQ(test::links(), before);
  EXPECT_EQ(host_.read("log"), "ADD\n");  // S-153: its address was not touched
  EXPECT_NO_THROW(check_with(kGateway, first));
}

TEST_F(BridgeApply, S152_FailureAfterIpamLeavesNothing) {
  const std::string before = test::links();
  // The kernel refuses the second of two equal addresses.
  host_.install_ipam(R"(echo "$CNI_COMMAND" >> $DIR/log
echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.5/16"},{"address":"10.1.0.5/16"}]}')");
  EXPECT_ANY_THROW(add_with(kGateway));
  EXPECT_EQ(test::links(), before);
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\n");  // S-234
}

TEST_F(BridgeApply, RefusesAnotherAddressOnTheBridgeUnlessForced) {
  test::output_of("ip link add cni0 type bridge; ip addr add 10.9.0.1/16 dev cni0");
  try {
    add_with(kGateway);
    FAIL() << "expected cni::Error";
  } catch (const cni::Error& e) {
    EXPECT_STREQ(e.what(),
                 "failed to set bridge addr: \"cni0\" already has an IP address different from "
                 "10.1.0.1/16");
  }
  EXPECT_THAT(test::links(), Not(HasSubstr("veth")));
  add_with(R"(,"isGateway":true,"forceAddress":true)");
  EXPECT_THAT(addresses(), Not(Contains(HasSubstr("10.9.0.1"))));
}

TEST_F(BridgeApply, KeepsGatewaysOfEarlierPodsRanges) {
  test::output_of("ip link add cni0 type bridge; ip addr add 10.9.0.1/16 dev cni0");
  add_with(R"(,"isGateway":true,"forceAddress":true,"otherRanges":["10.9.0.0/16","fd00:9::/64"])");
  EXPECT_THAT(addresses(), AllOf(Contains(StartsWith("cni0 10.9.0.1/16")),
                                 Contains(StartsWith("cni0 10.1.0.1/16"))));
  EXPECT_THROW(add_with(R"(,"isGateway":true,"otherRanges":["10.9.0.0"])"), cni::Error);
}

TEST_F(BridgeApply, RefusesALinkThatIsNotABridge) {
  test::output_of("ip link add cni0 type ifb");
  EXPECT_THROW(add_with(""), cni::Error);
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\n");
}

TEST_F(BridgeApply, BridgeKeepsItsMacWhenPortsAreAddedAndRemoved) {
  const cni::Result first = add_with(kGateway);
  remove_with(kGateway, first);
  const cni::Result second = add_with(kGateway);
  EXPECT_EQ(first.interfaces[0].mac, second.interfaces[0].mac);
}

TEST_F(BridgeApply, PortGetsHairpinIsolationMtuAndMac) {
  const std::string more = R"(,"hairpinMode":true,"portIsolation":true,"mtu":1400,
    "runtimeConfig":{"mac":"02:00:00:00:00:07"})";
  const cni::Result result = add_with(more);
  EXPECT_THAT(links(), Contains(AllOf(HasSubstr(": " + result.interfaces[1].name + " "),
                                      HasSubstr(" mtu 1400 "), EndsWith(" hairpin isolated"))));
  EXPECT_EQ(result.interfaces[2].mac, "02:00:00:00:00:07");
  EXPECT_EQ(result.interfaces[2].mtu, 1400u);  // S-118
  EXPECT_NO_THROW(check_with(more, result));
  EXPECT_NO_THROW(check_with(R"(,"mtu":1400)", result)) << "flags that are not named";  // P5
  EXPECT_THROW(check_with(R"(,"mtu":1400,"hairpinMode":false)", result), cni::Error);
  EXPECT_THROW(check_with(R"(,"mtu":1400,"portIsolation":false)", result), cni::Error);
}

TEST_F(BridgeApply, ConfiguresNoAddressInLayer2Mode) {
  const std::string layer2 = R"({"cniVersion":"1.1.0","name":"net1","type":"bridge"})";
  const cni::Result result = add(host_.request(cni::Verb::add, layer2, sandbox_));
  EXPECT_EQ(result.interfaces.size(), 3u);
  EXPECT_TRUE(result.ips.empty());
  EXPECT_THAT(wait_in(sandbox_, &states, "eth0 up"), Not(IsEmpty()));
  auto check = host_.request(cni::Verb::check, layer2, sandbox_);
  check.prev_result = result;
  EXPECT_NO_THROW(verify(check));
}

TEST_F(BridgeApply, LeavesTheContainerInterfaceDownWhenDisabled) {
  const std::string config =
      R"({"cniVersion":"1.1.0","name":"net1","type":"bridge","disableContainerInterface":true})";
  const cni::Result result = add(host_.request(cni::Verb::add, config, sandbox_));
  EXPECT_THAT(read_in(sandbox_, &states), Contains("eth0 down"));
  auto check = host_.request(cni::Verb::check, config, sandbox_);
  check.prev_result = result;
  EXPECT_NO_THROW(verify(check));
}

TEST_F(BridgeApply, WaitsForDuplicateAddressDetectionWhenEnabled) {
  add_with(R"(,"enabledad":true)");
  EXPECT_THAT(text_in(sandbox_, &addresses),
              AllOf(HasSubstr("eth0 fd00::5/64\n"), Not(HasSubstr("tentative"))));
}

// On such a kernel an existing bridge has no VLAN filtering either.
TEST_F(BridgeApply, U11_NamesVlanFilteringThatTheKernelLacks) {
  if (test::output_of("ip link add u11 type bridge vlan_filtering 1 2>&1") == "")
    GTEST_SKIP() << "the kernel has VLAN filtering";
  for (const bool exists : {false, true}) {
    if (exists) test::output_of("ip link add cni0 type bridge");
    for (const char* keys : {R"(,"vlan":7)", R"(,"vlanTrunk":[{"id":7}])"}) {
      try {
        add_with(keys);
        ADD_FAILURE() << keys;
      } catch (const std::system_error& e) {
        EXPECT_THAT(e.what(), AllOf(HasSubstr(exists ? "add VLAN " : "create bridge \"cni0\""),
                                    HasSubstr("CONFIG_BRIDGE_VLAN_FILTERING"),
                                    HasSubstr("Operation not supported")));
      }
    }
  }
}

TEST_F(BridgeApply, S194_GcRemovesPortsOfUnlistedAttachmentsOfThisNetworkOnly) {
  const cni::Result kept = add_with("");
  auto other = host_.add_sandbox();
  auto stale = host_.request(cni::Verb::add, config(""), other);
  stale.container_id = "c2";
  add(stale);
  auto foreign_sandbox = host_.add_sandbox();
  auto foreign = host_.request(cni::Verb::add, config(""), foreign_sandbox);
  foreign.network = "net10";
  const cni::Result foreign_result = add(foreign);
  auto gc = host_.request(cni::Verb::gc, config(""), sandbox_);
  gc.valid_attachments = {{"c1", "eth0"}};
  collect_garbage(gc);
  EXPECT_THAT(test::links(), HasSubstr(kept.interfaces[1].name));
  EXPECT_THAT(test::links(), HasSubstr(foreign_result.interfaces[1].name));
  EXPECT_THAT(text_in(other, &links), Not(HasSubstr("eth0")));
}

// P6: DEL and GC find rules by their owner, whatever the configuration says now.
TEST_F(BridgeApply, DelRemovesRulesThatTheConfigurationNoLongerAsksFor) {
  const auto ruleset = [] { return test::output_of("nft list ruleset"); };
  for (const char* backend : {"nftables", "iptables"})
    for (const bool by_gc : {false, true})
      for (const bool with_result : {false, true}) {
        const cni::Result result =
            add_with(std::string(kGateway) +
                     R"(,"macspoofchk":true,"ipMasq":true,"ipMasqBackend":")" + backend + "\"");
        ASSERT_THAT(ruleset(), AllOf(HasSubstr("macspoofchk-c1-eth0"), HasSubstr("10.1.0.5")));
        if (by_gc) collect_garbage(host_.request(cni::Verb::gc, config(kGateway), sandbox_));
        remove_with(kGateway, with_result ? std::optional(result) : std::nullopt);
        EXPECT_THAT(ruleset(), Not(HasSubstr("c1"))) << backend << by_gc << with_result;
        EXPECT_THAT(ruleset(), Not(HasSubstr("10.1.0.5"))) << backend << by_gc << with_result;
      }
}

TEST_F(BridgeApply, S213_StatusIsReadyBeforeFirstUseAnd51WhenTheBridgeIsDown) {
  const auto status = [&] {
    report_status(host_.request(cni::Verb::status, config(""), sandbox_));
  };
  EXPECT_NO_THROW(status());
  add_with("");
  EXPECT_NO_THROW(status());
  test::output_of("ip link set cni0 down");
  try {
    status();
    FAIL() << "expected cni::Error";
  } catch (const cni::Error& e) {
    EXPECT_EQ(e.code(), cni::Code::limited_connectivity);  // S-207
  }
}

// S18
TEST_F(BridgeApply, S18_FullBridgeIsNamedByAddAndStatus) {
  add_with("");
  std::string batch;
  for (int i = 0; i < 511; ++i)
    batch += "link add a" + std::to_string(i) + " master cni0 type veth peer name b" +
             std::to_string(i) + "\nlink set b" + std::to_string(i) + " master cni0\n";
  test::output_of("ip -batch - <<END\n" + batch + "END");
  const auto status = [&] {
    report_status(host_.request(cni::Verb::status, config(""), sandbox_));
  };
  try {
    status();
    ADD_FAILURE() << "STATUS succeeded";
  } catch (const cni::Error& e) {
    EXPECT_EQ(e.code(), cni::Code::not_available);
    EXPECT_STREQ(e.what(), "bridge \"cni0\" has 1023 ports, the kernel's limit");
  }
  auto other = host_.add_sandbox();
  auto more = host_.request(cni::Verb::add, config(""), other);
  more.container_id = "c2";
  try {
    add(more);
    ADD_FAILURE() << "ADD succeeded";
  } catch (const cni::Error& e) {
    EXPECT_STREQ(e.what(), "bridge \"cni0\" has 1023 ports, the kernel's limit");
  }
  test::output_of("ip link del a0");
  EXPECT_NO_THROW(status());
  EXPECT_NO_THROW(add(more));
}

}  // namespace
}  // namespace bridge
