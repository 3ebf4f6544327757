// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/macvlan/apply.h"
#include "tests/support/host/fake_ipam.h"
#include "tests/support/host/test_host.h"

namespace macvlan {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// A host with the link lan0, whose other end is a machine of the network.
class MacvlanApply : public ::testing::Test {
 protected:
  MacvlanApply() {
    host_.install_ipam(test::kFakeIpam);
    test::output_of("ip link add lan0 type veth peer name far0; ip link set lan0 up");
    test::output_of("ip link set far0 up");
  }
  cni::Request request(cni::Verb verb, const std::string& more = {}) {
    return host_.request(verb,
                         R"({"cniVersion":"1.1.0","name":"net1","type":"macvlan",)"
                         R"("master":"lan0","ipam":{"type":"fake"})" +
                             more + "}",
                         sandbox_);
  }
  cni::Request check(const cni::Result& result, const std::string& more = {}) {
    auto request = this->request(cni::Verb::check, more);
    request.prev_result = result;
    return request;
  }
  test::oracle::Lines links_inside() { return read_in(sandbox_, test::oracle::links); }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

TEST_F(MacvlanApply, ResultIsTheKernelsState) {
  const cni::Result result = add(request(cni::Verb::add, R"(,"mac":"02:00:00:00:00:2a")"));
  ASSERT_EQ(result.interfaces.size(), 1U);
  EXPECT_EQ(result.interfaces[0].mac, "02:00:00:00:00:2a");
  EXPECT_EQ(result.interfaces[0].sandbox, sandbox_.path);
  EXPECT_EQ(result.ips.at(1).interface, 0);
  EXPECT_THAT(links_inside(), Contains(AllOf(HasSubstr("eth0 macvlan up mtu 1500"),
                                             HasSubstr("mac 02:00:00:00:00:2a"))));
  EXPECT_THAT(read_in(sandbox_, test::oracle::addresses),
              AllOf(Contains(HasSubstr("eth0 10.85.0.5/24")), Contains("eth0 fd00:85::5/64")));
  EXPECT_THAT(read_in(sandbox_, test::oracle::routes),
              Contains(HasSubstr("main default via 10.85.0.1 dev eth0")));
  EXPECT_EQ(test::output_in(sandbox_,
                            "sysctl -n net.ipv4.conf.eth0.arp_notify"
                            " net.ipv6.conf.eth0.ndisc_notify"),
            "1\n1\n");
}

TEST_F(MacvlanApply, CreatesTheModeAndTheMtuThatAreConfigured) {
  add(request(cni::Verb::add, R"(,"mode":"vepa","mtu":1400,"bcqueuelen":500)"));
  EXPECT_THAT(links_inside(),
              Contains(AllOf(HasSubstr("eth0 macvlan up mtu 1400"), HasSubstr("mode vepa"))));
}

TEST_F(MacvlanApply, AFailedAddLeavesNothing) {
  test::output_of("touch " + host_.path() + "/broken");
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  EXPECT_THAT(links_inside(), Not(Contains(HasSubstr("eth0"))));
}

// The reference ends with "Link not found" and leaves the address to IPAM's next release.
TEST_F(MacvlanApply, AMissingMasterIsNamedBeforeAnAddressIsTaken) {
  try {
    add(request(cni::Verb::add, R"(,"master":"lan9")"));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_STREQ(error.what(), "failed to lookup master \"lan9\": Link not found");
  }
  EXPECT_EQ(host_.read("log"), "");
}

TEST_F(MacvlanApply, AnMtuAboveTheMastersIsRefused) {
  try {
    add(request(cni::Verb::add, R"(,"mtu":9000)"));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_STREQ(error.what(), "invalid MTU 9000, must be [0, master MTU(1500)]");
  }
}

TEST_F(MacvlanApply, LiesOnTheLinkOfTheDefaultRouteUnlessAMasterIsNamed) {
  const std::string no_master = R"(,"master":"")";
  EXPECT_THROW(add(request(cni::Verb::add, no_master)), cni::Error);
  test::output_of("ip address add 10.85.0.9/24 dev lan0; ip route add default via 10.85.0.1");
  EXPECT_NO_THROW(add(request(cni::Verb::add, no_master)));
}

TEST_F(MacvlanApply, LiesOnALinkOfThePodIfAsked) {
  test::output_in(sandbox_, "ip link add lan1 type veth peer name far1");
  test::output_in(sandbox_, "ip link set lan1 up; ip link set far1 up");
  const std::string inside = R"(,"linkInContainer":true,"master":"lan1")";
  const cni::Result result = add(request(cni::Verb::add, inside));
  const std::string lan1 =
      test::oracle::text_of(test::oracle::lines_with(links_inside(), "lan1 veth"));
  EXPECT_THAT(links_inside(), Contains(AllOf(HasSubstr("eth0 macvlan"),
                                             HasSubstr("link " + lan1.substr(0, lan1.find(':'))))));
  EXPECT_NO_THROW(verify(check(result, inside)));
}

TEST_F(MacvlanApply, WithoutIpamTheLinkHasNoAddress) {
  const cni::Result result = add(request(cni::Verb::add, R"(,"ipam":{})"));
  EXPECT_TRUE(result.ips.empty());
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 macvlan up")));
  EXPECT_NO_THROW(verify(check(result, R"(,"ipam":{})")));
}

TEST_F(MacvlanApply, CheckNoticesEachDifference) {
  const cni::Result result = add(request(cni::Verb::add));
  EXPECT_NO_THROW(verify(check(result)));
  EXPECT_THROW(verify(check(result, R"(,"mode":"private")")), cni::Error);
  test::output_of("ip link add lan1 type veth peer name far1");
  EXPECT_THROW(verify(check(result, R"(,"master":"lan1")")), cni::Error);
  test::output_in(sandbox_, "ip address del 10.85.0.5/24 dev eth0");
  EXPECT_THROW(verify(check(result)), cni::Error);
  test::output_in(sandbox_, "ip link del eth0; ip link add eth0 type veth");
  EXPECT_THROW(verify(check(result)), cni::Error);
}

TEST_F(MacvlanApply, CheckAcceptsMoreThanWasAskedFor) {
  const cni::Result result = add(request(cni::Verb::add));
  test::output_in(sandbox_, "ip address add 10.86.0.1/24 dev eth0; ip link set eth0 mtu 1300");
  EXPECT_NO_THROW(verify(check(result)));
}

TEST_F(MacvlanApply, DelSucceedsAgainAndWithoutMasterOrConfiguration) {
  add(request(cni::Verb::add));
  remove(request(cni::Verb::del, R"(,"master":"lan9","mode":"x")"));
  EXPECT_THAT(links_inside(), Not(Contains(HasSubstr("eth0"))));
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
  test::output_of("ip link del lan0");
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
  EXPECT_THAT(host_.read("log"), HasSubstr("ADD\nDEL\nDEL\nDEL\n"));
}

// The runtime answers a refused ADD with a DEL.
TEST_F(MacvlanApply, DelOfAnotherNetworkLeavesTheLink) {
  const cni::Result result = add(request(cni::Verb::add));
  cni::Request other = request(cni::Verb::add);
  other.network = "net2";
  EXPECT_THROW(add(other), cni::Error);
  other = request(cni::Verb::del);
  other.network = "net2";
  remove(other);
  EXPECT_NO_THROW(verify(check(result)));
}

TEST_F(MacvlanApply, DelFindsALinkThatThePodHasRenamed) {
  add(request(cni::Verb::add));
  test::output_in(sandbox_, "ip link set eth0 down; ip link set eth0 name other0");
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  remove(request(cni::Verb::del));
  EXPECT_THAT(links_inside(), Not(Contains(HasSubstr("macvlan"))));
}

// The reference gives its links no alias.
TEST_F(MacvlanApply, DelRemovesALinkOfTheReference) {
  const cni::Result result = add(request(cni::Verb::add));
  test::output_in(sandbox_, "ip link set eth0 alias ''");
  cni::Request del = request(cni::Verb::del);
  del.prev_result = result;
  del.prev_result->interfaces[0].mac = "02:00:00:00:00:99";
  remove(del);
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 macvlan")));
  del.prev_result = result;
  remove(del);
  EXPECT_THAT(links_inside(), Not(Contains(HasSubstr("eth0"))));
}

TEST_F(MacvlanApply, TheHostMayHaveALinkOfThatName) {
  test::output_of("ip link add eth0 type veth");
  EXPECT_NO_THROW(add(request(cni::Verb::add)));
}

TEST_F(MacvlanApply, AMacvlanOfThePodCanBeTheMaster) {
  const cni::Result first = add(request(cni::Verb::add));
  const std::string inside = R"(,"linkInContainer":true,"master":"eth0","ipam":{})";
  cni::Request upper = request(cni::Verb::add, inside);
  upper.ifname = "eth1";
  const cni::Result second = add(upper);
  upper = check(second, inside);
  upper.ifname = "eth1";
  EXPECT_NO_THROW(verify(upper));
}

TEST_F(MacvlanApply, DelLeavesALinkOfAnotherKind) {
  test::output_in(sandbox_, "ip link add eth0 type veth");
  remove(request(cni::Verb::del));
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 veth")));
}

TEST_F(MacvlanApply, StatusNeedsTheMaster) {
  EXPECT_NO_THROW(report_status(request(cni::Verb::status)));
  try {
    report_status(request(cni::Verb::status, R"(,"master":"lan9")"));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::not_available);
  }
}

}  // namespace
}  // namespace macvlan
