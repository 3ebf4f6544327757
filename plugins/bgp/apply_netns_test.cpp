// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/bgp/apply.h"
#include "tests/support/host/test_host.h"

namespace bgp {
namespace {

using namespace test::oracle;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

/// Gives 10.244.1.<n>, fd00:244:1::<n> to the n-th ADD, starting at 5.
constexpr const char* kIpam = R"(
echo "$CNI_COMMAND" >> $DIR/log
n=$((4 + $(grep -c ADD $DIR/log)))
[ "$CNI_COMMAND" = ADD ] && cat <<END
{"cniVersion":"1.1.0","ips":[{"address":"10.244.1.$n/24","gateway":"10.244.1.1"},
 {"address":"fd00:244:1::$n/64"}]}
END
exit 0)";
constexpr const char* kConfig =
    R"({"cniVersion":"1.1.0","name":"net1","type":"bgp","mtu":1400,"ipMasq":true,
        "network":["10.244.0.0/16","fd00:244::/48"],"ipam":{"type":"fake"}})";

class BgpApply : public ::testing::Test {
 protected:
  BgpApply() { host_.install_ipam(kIpam); }

  cni::Request request(cni::Verb verb, const std::optional<cni::Result>& result = {}) {
    auto request = host_.request(verb, kConfig, sandbox_);
    request.prev_result = result;
    return request;
  }
  cni::Result add_one() { return add(request(cni::Verb::add)); }
  cni::Result add_second(const test::TestHost::Sandbox& sandbox) {
    auto second = host_.request(cni::Verb::add, kConfig, sandbox);
    second.container_id = "c2";
    return add(second);
  }
  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

TEST_F(BgpApply, S151_BothEndsAreConfigured) {
  const cni::Result result = add_one();
  ASSERT_EQ(result.interfaces.size(), 2u);
  EXPECT_THAT(text_in(sandbox_, &links), HasSubstr(": eth0 veth up mtu 1400 "));
  // S-159: neither address is tentative. Both have their full length, which libnl does not write.
  EXPECT_THAT(read_in(sandbox_, &addresses),
              IsSupersetOf({"eth0 10.244.1.5", "eth0 fd00:244:1::5"}));
  EXPECT_THAT(text_in(sandbox_, &routes),
              AllOf(HasSubstr("main default via 169.254.1.1 dev eth0 "),
                    ContainsRegex("main 169\\.254\\.1\\.1 dev eth0 .* scope link\n"),
                    HasSubstr("main default via fe80::1 dev eth0 ")));
  EXPECT_THAT(text_in(sandbox_, &neighbours),
              AllOf(HasSubstr("eth0 169.254.1.1 lladdr 02:76:a9:fe:01:01 permanent"),
                    HasSubstr("eth0 fe80::1 lladdr 02:76:a9:fe:01:01 permanent")));
  const std::string host_end = result.interfaces[0].name;
  EXPECT_THAT(links(), Contains(AllOf(HasSubstr(": " + host_end + " veth up "),
                                      HasSubstr(" mac 02:76:a9:fe:01:01 "))));
  EXPECT_THAT(routes(),
              IsSupersetOf({"main 10.244.1.5 dev " + host_end + " proto 89 metric 0 scope link",
                            "main fd00:244:1::5 dev " + host_end + " proto 89 metric 1024"}));
  EXPECT_EQ(test::output_of("cat /proc/sys/net/ipv4/conf/" + host_end + "/rp_filter"), "1\n");
}

TEST_F(BgpApply, PodsReachTheHostAndEachOtherWithoutADefaultRouteOnTheHost) {
  test::output_of("ip addr add 192.0.2.1/32 dev lo; ip addr add 2001:db8::1/128 dev lo");
  add_one();
  const auto other = host_.add_sandbox();
  add_second(other);
  for (const char* target : {"192.0.2.1", "10.244.1.6", "2001:db8::1", "fd00:244:1::6"})
    EXPECT_THAT(test::output_in(sandbox_, std::string("ping -c1 -W2 ") + target),
                HasSubstr("1 received"))
        << target;
  for (const char* target : {"10.244.1.5", "fd00:244:1::5"})
    EXPECT_THAT(test::output_of(std::string("ping -c1 -W2 ") + target), HasSubstr("1 received"))
        << target;
}

TEST_F(BgpApply, TheGatewayAnswersEverySolicitation) {
  add_one();
  // Like a virtual machine behind the pod's interface: without the neighbour entries that ADD made.
  // The proxy answers for every address that the host can route to.
  test::output_of(
      "ip link add out0 type bridge; ip link set out0 up; ip route add default dev out0");
  test::output_in(sandbox_, "ip neigh flush nud permanent dev eth0");
  EXPECT_THAT(test::output_in(sandbox_, "ping -c1 -W2 fe80::1%eth0"), HasSubstr("1 received"));
  test::output_in(sandbox_, "ping -c1 -W1 169.254.1.1");
  EXPECT_THAT(text_in(sandbox_, &neighbours),
              HasSubstr("eth0 169.254.1.1 lladdr 02:76:a9:fe:01:01"));
}

TEST_F(BgpApply, S266_PodRefusesRouterAdvertisements) {
  add_one();
  EXPECT_EQ(
      test::output_in(sandbox_,
                      "sysctl -n net.ipv6.conf.eth0.accept_ra net.ipv6.conf.eth0.accept_redirects"
                      " net.ipv4.conf.eth0.accept_redirects net.ipv4.conf.all.accept_redirects"),
      "0\n0\n0\n0\n");
}

TEST_F(BgpApply, APodCannotSendUnderAnothersAddress) {
  test::output_of("ip addr add 192.0.2.1/32 dev lo");
  add_one();
  test::output_in(sandbox_, "ip addr add 10.244.1.77/32 dev eth0");
  const auto received = [](const char* file) { return test::output_of(file); };
  EXPECT_THAT(test::output_in(sandbox_, "ping -c1 -W1 -I 10.244.1.77 192.0.2.1"),
              HasSubstr("0 received"));
  EXPECT_THAT(received("nstat -asz TcpExtIPReversePathFilter IpExtInNoRoutes"),
              Not(HasSubstr("IPReversePathFilter 0 ")));
}

TEST_F(BgpApply, S159_BothEndsTakePacketsInOnReturn) {
  for (int i = 0; i < 10; ++i) {
    const cni::Result result = add_one();
    EXPECT_TRUE(test::takes_ipv6(sandbox_, result, result.interfaces[0].name, "fe80::1"));
    remove(request(cni::Verb::del, result));
  }
}

TEST_F(BgpApply, S185_CheckPassesRightAfterAdd) {
  const cni::Result result = add_one();
  EXPECT_NO_THROW(verify(request(cni::Verb::check, result)));
}

TEST_F(BgpApply, S180_CheckNamesTheMissingObject) {
  const cni::Result result = add_one();
  const std::string host = result.interfaces[0].name;
  const auto message = [&] {
    try {
      verify(request(cni::Verb::check, result));
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string("CHECK passed");
  };
  test::output_of("ip route del 10.244.1.5/32");
  EXPECT_EQ(message(), "route to 10.244.1.5/32 is missing on the host");
  test::output_of("ip route add 10.244.1.5/32 dev " + host);
  EXPECT_EQ(message(), "route to 10.244.1.5/32 is missing on the host");  // not for BIRD
  test::output_of("ip route replace 10.244.1.5/32 proto 89 dev " + host);
  test::output_in(sandbox_, "ip neigh replace 169.254.1.1 lladdr 02:00:00:00:00:07 dev eth0");
  EXPECT_THAT(message(), HasSubstr("gateway 169.254.1.1 has MAC address 02:00:00:00:00:07"));
  test::output_in(sandbox_, "ip link set eth0 address " + result.interfaces[1].mac);
  EXPECT_EQ(message(), "CHECK passed");  // the kernel has forgotten its neighbours
  const std::string conf = "net/ipv4/conf/" + host;
  test::output_of("sysctl -qw " + conf + "/proxy_arp=0");
  EXPECT_EQ(message(), "sysctl " + conf + "/proxy_arp is 0, must be 1");
  test::output_of("sysctl -qw " + conf + "/proxy_arp=1 " + conf + "/rp_filter=0");
  EXPECT_EQ(message(), "sysctl " + conf + "/rp_filter is 0, must be 1");
  test::output_of("sysctl -qw " + conf + "/rp_filter=1 net/ipv6/conf/all/forwarding=0");
  EXPECT_EQ(message(), "sysctl net/ipv6/conf/all/forwarding is 0, must be 1");
  test::output_of("sysctl -qw net/ipv6/conf/all/forwarding=1; ip addr del fe80::1/128 dev " + host);
  EXPECT_EQ(message(), "gateway address fe80::1/128 is missing on " + host);
  test::output_of("ip addr add fe80::1/128 nodad dev " + host);
  test::output_of("nft flush ruleset");
  EXPECT_THAT(message(), HasSubstr("10.244.1.5"));
  test::output_of("ip link set " + host + " address 02:00:00:00:00:07");
  EXPECT_THAT(message(), HasSubstr("does not have the MAC address of the pod's gateway"));
  test::output_of("ip link set " + host + " down");
  EXPECT_EQ(message(), "the host end of eth0 is missing or down");
}

TEST_F(BgpApply, S155_AddAndDelLeaveNothingHoweverOften) {
  const std::string before = test::routed_state();
  for (int i = 0; i < 3; ++i) {
    const cni::Result result = add_one();
    EXPECT_NE(test::routed_state(), before);
    remove(request(cni::Verb::del, result));
    EXPECT_EQ(test::routed_state(), before);
  }
}

TEST_F(BgpApply, S165_DelAfterARebootReleasesRulesAndAddress) {
  add_one();
  sandbox_ = host_.add_sandbox();  // closes the last handle of the first sandbox: the kernel
                                   // removes its link
  auto del = request(cni::Verb::del);
  del.sandbox.reset();
  EXPECT_NO_THROW(remove(del));
  EXPECT_THAT(test::output_of("nft list ruleset"), Not(HasSubstr("id: c1")));
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\n");
}

TEST_F(BgpApply, S166_DelWithoutPrevResultFindsTheLinkByItsAlias) {
  const std::string before = test::routed_state();
  add_one();
  auto del = request(cni::Verb::del);
  del.sandbox.reset();
  remove(del);
  EXPECT_EQ(test::routed_state(), before);
}

TEST_F(BgpApply, DelSucceedsWithoutPlumbdsFiles) {
  const std::string config = R"({"cniVersion":"1.1.0","name":"net1","type":"bgp","ipam":
      {"type":"fake"},"nodeFile":")" +
                             host_.path() + R"(/damaged"})";
  test::output_of("echo '{' > " + host_.path() + "/damaged");
  EXPECT_NO_THROW(remove(host_.request(cni::Verb::del, config, sandbox_)));
  EXPECT_NO_THROW(collect_garbage(host_.request(cni::Verb::gc, config, sandbox_)));
  EXPECT_EQ(host_.read("log"), "DEL\nGC\n");
}

// Rule (a): a route belongs to its pod, whatever IPAM answers.
TEST_F(BgpApply, TheAddressOfALivingPodIsRefused) {
  const cni::Result first = add_one();
  const std::string before = test::routed_state();
  test::output_of(": > " + host_.path() + "/log");  // gives the same address again
  const auto other = host_.add_sandbox();
  try {
    add_second(other);
    FAIL() << "the route of the first pod was taken over";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::try_again_later);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("address 10.244.1.5 belongs to another pod"),
                                    HasSubstr(first.interfaces[0].name)));
  }
  EXPECT_EQ(test::routed_state(), before);
}

TEST_F(BgpApply, AnAddressThatComesBackIsRoutedToItsNewPod) {
  const cni::Result first = add_one();
  // As while the kernel takes the other end away.
  test::output_in(sandbox_, "ip link set eth0 down");
  const std::string going = first.interfaces[0].name + " lowerlayerdown";
  for (int tries = 0; tries < 100 && lines_with(states(), going).empty(); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  test::output_of(": > " + host_.path() + "/log");  // gives the same address again
  const auto other = host_.add_sandbox();
  const cni::Result second = add_second(other);
  for (const char* address : {"10.244.1.5", "fd00:244:1::5"})
    EXPECT_THAT(text_of(routes()), HasSubstr(std::string("main ") + address + " dev " +
                                             second.interfaces[0].name + " "));
}

TEST_F(BgpApply, ASecondInterfaceLeavesTheFirstItsDefaultRoute) {
  const cni::Result first = add_one();
  auto more = request(cni::Verb::add);
  more.ifname = "eth1";
  const cni::Result second = add(more);
  for (const char* gateway : {"169.254.1.1", "fe80::1"}) {
    const std::string by = std::string("main default via ") + gateway + " dev ";
    EXPECT_THAT(text_in(sandbox_, &routes),
                AllOf(HasSubstr(by + "eth0 "), ContainsRegex(by + "eth1 .*metric 2048")));
  }
  EXPECT_NO_THROW(verify(request(cni::Verb::check, first)));
  more.verb = cni::Verb::check;
  more.prev_result = second;
  EXPECT_NO_THROW(verify(more));
}

TEST_F(BgpApply, S033_SecondAddIsRefusedAndTheFirstUnharmed) {
  const cni::Result first = add_one();
  const std::string before = test::routed_state();
  EXPECT_THROW(add_one(), cni::Error);
  EXPECT_EQ(test::routed_state(), before);
  EXPECT_EQ(host_.read("log"), "ADD\n");
  EXPECT_NO_THROW(verify(request(cni::Verb::check, first)));
}

TEST_F(BgpApply, S152_FailureAfterIpamLeavesNothing) {
  const std::string before = test::routed_state();
  // One address twice: the second is refused by the kernel.
  host_.install_ipam(R"(echo "$CNI_COMMAND" >> $DIR/log
echo '{"cniVersion":"1.1.0","ips":[{"address":"10.244.1.5/24"},
{"address":"10.244.1.5/25"}]}')");
  EXPECT_THROW(add_one(), std::exception);
  EXPECT_EQ(test::routed_state(), before);
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\n");
}

TEST_F(BgpApply, S194_GcRemovesUnlistedAttachments) {
  const cni::Result kept = add_one();
  const auto other = host_.add_sandbox();
  add_second(other);
  auto gc = request(cni::Verb::gc);
  gc.valid_attachments = {{"c1", "eth0"}};
  collect_garbage(gc);
  EXPECT_NO_THROW(verify(request(cni::Verb::check, kept)));
  EXPECT_THAT(text_in(other, &links), Not(HasSubstr("eth0")));
  EXPECT_THAT(test::output_of("nft list ruleset") + text_of(routes()),
              AllOf(Not(HasSubstr("id: c2")), Not(HasSubstr("10.244.1.6"))));
}

}  // namespace
}  // namespace bgp
