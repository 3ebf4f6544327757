// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/firewall/mac_spoof.h"
#include "libcni/firewall/masquerade.h"
#include "plugins/ptp/apply.h"
#include "tests/support/host/test_host.h"

namespace ptp {
namespace {

using namespace test::oracle;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

/// Gives 10.1.0.<n>, fd00::<n> to the n-th ADD.
constexpr const char* kIpam = R"(
echo "$CNI_COMMAND" >> $DIR/log
n=$((4 + $(grep -c ADD $DIR/log)))
[ "$CNI_COMMAND" = ADD ] && cat <<END
{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.$n/16","gateway":"10.1.0.1"},
 {"address":"fd00::$n/64","gateway":"fd00::1"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}
END
exit 0)";
constexpr const char* kConfig =
    R"({"cniVersion":"1.1.0","name":"net1","type":"ptp","ipMasq":true,"ipam":{"type":"fake"}})";

class PtpApply : public ::testing::Test {
 protected:
  PtpApply() { host_.install_ipam(kIpam); }

  cni::Request request(cni::Verb verb, const std::optional<cni::Result>& result = {}) {
    auto request = host_.request(verb, kConfig, sandbox_);
    request.prev_result = result;
    return request;
  }
  cni::Result add_one() { return add(request(cni::Verb::add)); }
  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

TEST_F(PtpApply, S151_BothEndsAreConfigured) {
  const cni::Result result = add_one();
  ASSERT_EQ(result.interfaces.size(), 2u);
  EXPECT_EQ(result.interfaces[1].sandbox, sandbox_.path);
  // S-159: neither address is tentative.
  EXPECT_THAT(read_in(sandbox_, &addresses),
              IsSupersetOf({"eth0 10.1.0.5/16 brd 10.1.255.255", "eth0 fd00::5/64"}));
  const std::string inside = text_in(sandbox_, &routes);
  EXPECT_THAT(inside, HasSubstr("main 10.1.0.1 dev eth0 src 10.1.0.5 proto 3 metric 0 scope link"));
  EXPECT_THAT(inside, HasSubstr("main 10.1.0.0/16 via 10.1.0.1 dev eth0 src 10.1.0.5"));
  EXPECT_THAT(inside, Not(HasSubstr("main 10.1.0.0/16 dev eth0")));
  EXPECT_THAT(inside, HasSubstr("main default via fd00::1 dev eth0"));
  const std::string end = result.interfaces[0].name;
  EXPECT_THAT(addresses(), IsSupersetOf({end + " 10.1.0.1", end + " fd00::1"}));
  const std::string outside = text_of(routes());
  EXPECT_THAT(outside, HasSubstr("main 10.1.0.5 dev " + end));
  EXPECT_THAT(outside, HasSubstr("main fd00::5 dev " + end));
}

TEST_F(PtpApply, S266_PodRefusesRouterAdvertisements) {
  add_one();
  EXPECT_EQ(
      test::output_in(sandbox_,
                      "sysctl -n net.ipv6.conf.eth0.accept_ra net.ipv6.conf.eth0.accept_redirects"
                      " net.ipv4.conf.eth0.accept_redirects net.ipv4.conf.all.accept_redirects"),
      "0\n0\n0\n0\n");
}

TEST_F(PtpApply, LinkLocalAddressOfTheHostsEndBringsNoAnycastAddress) {
  const std::string end = add_one().interfaces[0].name;
  // It has its full length, which libnl does not write, and is not tentative.
  EXPECT_THAT(lines_with(addresses(), end + " fe80::"),
              ElementsAre(AllOf(EndsWith(" scope link"), Not(HasSubstr("/")))));
  EXPECT_THAT(routes(), Contains("main fe80::/64 dev " + end + " proto 2 metric 256"));
  // DEL would have to wait for the route of that address.
  EXPECT_THAT(test::output_of("grep ' " + end + " ' /proc/net/anycast6"), "");
  const Lines inside = wait_in(sandbox_, &addresses, "eth0 fe80::");
  ASSERT_THAT(inside, SizeIs(1));
  const std::string peer = inside[0].substr(5, inside[0].find_first_of("/ ", 5) - 5);
  EXPECT_THAT(test::output_of("ping -c1 -W2 " + peer + "%" + end), HasSubstr("1 received"));
}

TEST_F(PtpApply, PodsReachHostAndEachOtherThroughTheHost) {
  add_one();
  const auto other = host_.add_sandbox();
  auto second = host_.request(cni::Verb::add, kConfig, other);
  second.container_id = "c2";
  add(second);
  for (const char* target : {"10.1.0.1", "10.1.0.6", "fd00::1", "fd00::6"})
    EXPECT_THAT(test::output_in(sandbox_, std::string("ping -c1 -W2 ") + target),
                HasSubstr("1 received"))
        << target;
}

TEST_F(PtpApply, S159_BothEndsTakePacketsInOnReturn) {
  for (int i = 0; i < 10; ++i) {
    const cni::Result result = add_one();
    EXPECT_TRUE(test::takes_ipv6(sandbox_, result, result.interfaces[0].name, "fd00::1"));
    remove(request(cni::Verb::del, result));
  }
}

TEST_F(PtpApply, S185_CheckPassesRightAfterAdd) {
  const cni::Result result = add_one();
  EXPECT_NO_THROW(verify(request(cni::Verb::check, result)));
}

TEST_F(PtpApply, S180_CheckNamesTheMissingObject) {
  const cni::Result result = add_one();
  const std::string host = result.interfaces[0].name;
  const auto message_after = [&](const std::string& command) {
    test::output_of(command);
    try {
      verify(request(cni::Verb::check, result));
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string("CHECK passed");
  };
  EXPECT_EQ(message_after("ip route del 10.1.0.5/32"),
            "route to 10.1.0.5/32 is missing on the host");
  test::output_of("ip route add 10.1.0.5/32 dev " + host);
  EXPECT_EQ(message_after("ip addr del 10.1.0.1/32 dev " + host),
            "gateway address 10.1.0.1/32 is missing on " + host);
  test::output_of("ip addr add 10.1.0.1/32 dev " + host);
  EXPECT_EQ(message_after("sysctl -qw net.ipv4.ip_forward=0"),
            "sysctl net/ipv4/ip_forward is 0, must be 1");
  EXPECT_EQ(message_after("sysctl -qw net.ipv4.ip_forward=1; ip link set " + host + " mtu 1300"),
            "link " + host + " has MTU 1300, must be 1500");
  test::output_of("ip link set " + host + " mtu 1500");
  test::output_in(sandbox_, "ip link set eth0 mtu 1400");  // as tuning may
  EXPECT_THAT(message_after("nft flush ruleset"), HasSubstr("10.1.0.5"));
  test::output_in(sandbox_, "ip link set eth0 mtu 1501");
  EXPECT_EQ(message_after("true"), "link eth0 has MTU 1501, must be 1500");
  test::output_in(sandbox_, "ip link set eth0 mtu 1500");
  EXPECT_EQ(message_after("ip link set " + host + " down"),
            "the host end of eth0 is missing or down");
}

TEST_F(PtpApply, S155_AddAndDelLeaveNothingHoweverOften) {
  const std::string before = test::routed_state();
  for (int i = 0; i < 3; ++i) {
    const cni::Result result = add_one();
    EXPECT_NE(test::routed_state(), before);
    remove(request(cni::Verb::del, result));
    EXPECT_EQ(test::routed_state(), before);
  }
}

TEST_F(PtpApply, S165_DelWithoutSandboxAndResultReleasesRulesAndAddress) {
  add_one();
  sandbox_ = host_.add_sandbox();  // closes the last handle of the first sandbox: the kernel
                                   // removes its link
  auto del = request(cni::Verb::del);
  del.sandbox.reset();
  EXPECT_NO_THROW(remove(del));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr("id: c1")));
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\n");
}

TEST_F(PtpApply, S168_DelFindsARenamedLinkByItsHostEnd) {
  const std::string before = test::routed_state();
  const cni::Result result = add_one();
  test::output_in(sandbox_, "ip link set eth0 down; ip link set eth0 name eth9");
  remove(request(cni::Verb::del, result));
  EXPECT_EQ(test::routed_state(), before);
}

TEST_F(PtpApply, RefusesAnMtuThatIsTooSmallForIpv6) {
  EXPECT_THAT(
      [&] {
        add(host_.request(cni::Verb::add,
                          R"({"cniVersion":"1.1.0","name":"net1","type":"ptp","mtu":1279,
                              "ipam":{"type":"fake"}})",
                          sandbox_));
      },
      ThrowsMessage<cni::Error>(HasSubstr("invalid mtu 1279: must be at least 1280")));
  EXPECT_THAT(text_in(sandbox_, &links), Not(HasSubstr("eth0")));
}

TEST_F(PtpApply, S033_SecondAddIsRefusedAndTheFirstUnharmed) {
  const cni::Result first = add_one();
  const std::string before = test::routed_state();
  EXPECT_THROW(add_one(), cni::Error);
  EXPECT_EQ(test::routed_state(), before);
  EXPECT_EQ(host_.read("log"), "ADD\n");
  EXPECT_NO_THROW(verify(request(cni::Verb::check, first)));
}

TEST_F(PtpApply, S152_FailureAfterIpamLeavesNothing) {
  const std::string before = test::routed_state();
  host_.install_ipam(R"(echo "$CNI_COMMAND" >> $DIR/log
echo '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.5/16"}]}')");
  EXPECT_THROW(add_one(), cni::Error);
  EXPECT_EQ(test::routed_state(), before);
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\n");
}

TEST_F(PtpApply, NeedsIpam) {
  const char* config = R"({"cniVersion":"1.1.0","name":"net1","type":"ptp"})";
  EXPECT_THROW(add(host_.request(cni::Verb::add, config, sandbox_)), cni::Error);
  EXPECT_THROW(report_status(host_.request(cni::Verb::status, config, sandbox_)), cni::Error);
  EXPECT_NO_THROW(remove(host_.request(cni::Verb::del, config, sandbox_)));
}

TEST_F(PtpApply, S194_GcRemovesUnlistedAttachments) {
  const cni::Result kept = add_one();
  const auto other = host_.add_sandbox();
  auto stale = host_.request(cni::Verb::add, kConfig, other);
  stale.container_id = "c2";
  add(stale);
  auto gc = request(cni::Verb::gc);
  gc.valid_attachments = {{"c1", "eth0"}};
  collect_garbage(gc);
  EXPECT_NO_THROW(verify(request(cni::Verb::check, kept)));
  EXPECT_THAT(text_in(other, &links), Not(HasSubstr("eth0")));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr("id: c2")));
}

// P6: the configuration's type was bridge, with macspoofchk, at the time of ADD.
TEST_F(PtpApply, DelAndGcRemoveTheRulesOfAnEarlierConfiguration) {
  const firewall::Owner owner{"net1", "c1", "eth0"};
  for (const bool by_gc : {false, true})
    for (const auto backend :
         {firewall::MasqueradeBackend::nftables, firewall::MasqueradeBackend::iptables}) {
      firewall::add_mac_spoof_check(owner, "veth1", *base::Mac::parse("02:00:00:00:00:01"));
      firewall::add_masquerade(owner, std::array{*base::Prefix::parse("10.1.0.5/16")}, backend);
      const std::string config =
          R"({"cniVersion":"1.1.0","name":"net1","type":"ptp","ipam":{"type":"fake"}})";
      if (by_gc)
        collect_garbage(host_.request(cni::Verb::gc, config, sandbox_));
      else
        remove(host_.request(cni::Verb::del, config, sandbox_));
      EXPECT_THAT(test::output_of("nft list ruleset"),
                  AllOf(Not(HasSubstr("c1")), Not(HasSubstr("10.1.0.5"))))
          << by_gc;
    }
}

}  // namespace
}  // namespace ptp
