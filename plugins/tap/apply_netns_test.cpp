// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/unique_fd.h"
#include "plugins/tap/apply.h"
#include "plugins/tap/context.h"
#include "tests/support/host/fake_ipam.h"
#include "tests/support/host/test_host.h"

namespace tap {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class TapApply : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(net_device_)) GTEST_SKIP() << "this kernel has no " << net_device_;
    host_.install_ipam(test::kFakeIpam);
  }
  cni::Request request(cni::Verb verb, const std::string& more = {}) {
    return host_.request(
        verb,
        R"({"cniVersion":"1.1.0","name":"net1","type":"tap","ipam":{"type":"fake"})" + more + "}",
        sandbox_);
  }
  cni::Request check(const cni::Result& result, const std::string& more = {}) {
    auto request = this->request(cni::Verb::check, more);
    request.prev_result = result;
    return request;
  }
  test::oracle::Lines links_inside() { return read_in(sandbox_, test::oracle::links); }
  /// `ip` reads the flags from the sysfs of the namespace.
  std::string taps_inside() {
    return test::output_in(sandbox_,
                           "unshare --mount sh -c 'mount -t sysfs plumb /sys && ip tuntap list'");
  }

  static constexpr const char* net_device_ = "/dev/net/tun";
  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

TEST_F(TapApply, ResultIsTheKernelsState) {
  const cni::Result result = add(request(cni::Verb::add, R"(,"mac":"02:00:00:00:00:2a")"));
  ASSERT_EQ(result.interfaces.size(), 1U);
  EXPECT_EQ(result.interfaces[0].mac, "02:00:00:00:00:2a");
  EXPECT_EQ(result.interfaces[0].sandbox, sandbox_.path);
  EXPECT_EQ(result.ips.at(1).interface, 0);
  EXPECT_THAT(links_inside(), Contains(AllOf(HasSubstr("eth0 tun up mtu 1500"),
                                             HasSubstr("mac 02:00:00:00:00:2a"))));
  EXPECT_THAT(read_in(sandbox_, test::oracle::addresses),
              AllOf(Contains(HasSubstr("eth0 10.85.0.5/24")), Contains("eth0 fd00:85::5/64")));
  EXPECT_THAT(read_in(sandbox_, test::oracle::routes),
              Contains(HasSubstr("main default via 10.85.0.1 dev eth0")));
  EXPECT_EQ(test::output_in(sandbox_, "sysctl -n net.ipv4.conf.eth0.arp_notify"), "1\n");
}

TEST_F(TapApply, TheDeviceHasTheFlagsAndTheOwnerOfTheConfiguration) {
  const std::string plain = "eth0: tap persist";
  const auto taps_of = [&](const std::string& more) {
    const cni::Result result = add(request(cni::Verb::add, more));
    const std::string taps = taps_inside();
    EXPECT_NO_THROW(verify(check(result, more)));
    remove(request(cni::Verb::del, more));
    return taps.substr(0, taps.find_last_not_of(" \n") + 1);
  };
  EXPECT_EQ(taps_of(""), plain);
  EXPECT_EQ(taps_of(R"(,"multiQueue":true)"), "eth0: tap multi_queue persist");
  EXPECT_EQ(taps_of(R"(,"owner":107)"), plain + " user 107");
  EXPECT_EQ(taps_of(R"(,"group":0)"), plain + " group 0");
  EXPECT_EQ(taps_of(R"(,"owner":0,"group":107)"),
            "eth0: tap pi vnet_hdr persist filter user 0 group 107");
  EXPECT_EQ(taps_of(R"(,"owner":1,"group":2,"multiQueue":true)"),
            "eth0: tap multi_queue vnet_hdr persist user 1 group 2");
}

// The reference ignores both where owner and group are given.
TEST_F(TapApply, MtuAndMacAreAppliedAlsoWithOwnerAndGroup) {
  add(request(cni::Verb::add, R"(,"owner":1,"group":1,"mtu":1400,"mac":"02:00:00:00:00:2b")"));
  EXPECT_THAT(links_inside(), Contains(AllOf(HasSubstr("eth0 tun up mtu 1400"),
                                             HasSubstr("mac 02:00:00:00:00:2b"))));
}

TEST_F(TapApply, TheDeviceIsAPortOfTheBridgeInThePod) {
  test::output_in(sandbox_, "ip link add br0 type bridge");
  const std::string bridged = R"(,"bridge":"br0","ipam":{})";
  const cni::Result result = add(request(cni::Verb::add, bridged));
  EXPECT_THAT(links_inside(), Contains(AllOf(HasSubstr("eth0 tun up"), HasSubstr("master br0"))));
  EXPECT_NO_THROW(verify(check(result, bridged)));
  test::output_in(sandbox_, "ip link set eth0 nomaster");
  EXPECT_THROW(verify(check(result, bridged)), cni::Error);
}

TEST_F(TapApply, AMissingBridgeIsNamedAndLeavesNothing) {
  test::output_in(sandbox_, "ip link add br1 type veth");
  for (const auto& [name, problem] :
       {std::pair("br0", "does not exist"), {"br1", "is not a bridge"}}) {
    try {
      add(request(cni::Verb::add, R"(,"bridge":")" + std::string(name) + "\""));
      FAIL();
    } catch (const cni::Error& error) {
      EXPECT_EQ(error.what(), "link \"" + std::string(name) + "\" of the sandbox " + problem);
    }
  }
  EXPECT_EQ(taps_inside(), "");
  EXPECT_EQ(host_.read("log"), "");
}

// The reference leaves the device.
TEST_F(TapApply, AFailedAddLeavesNothing) {
  test::output_of("touch " + host_.path() + "/broken");
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  EXPECT_EQ(taps_inside(), "");
  EXPECT_THROW(add(request(cni::Verb::add, R"(,"mtu":65535)")), std::system_error);
  EXPECT_EQ(taps_inside(), "");
}

TEST_F(TapApply, AContextThatTheKernelRefusesIsNamedAndLeavesNothing) {
  try {
    add(request(cni::Verb::add, R"(,"selinuxContext":"a:b:c:s0")"));
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("set the SELinux context \"a:b:c:s0\" for a program"));
  }
  EXPECT_EQ(taps_inside(), "");
}

// The program that runs in the context.
TEST_F(TapApply, ItsArgumentsDescribeTheDevice) {
  std::vector<std::string> words{"tap", "create-tap", "vm0", "1", "107", "none"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  sandbox_.netns.run([&] {
    const auto run = [&](int count) { return create_if_asked(count, arguments.data()); };
    EXPECT_EQ(run(1), std::nullopt);
    EXPECT_EQ(run(static_cast<int>(arguments.size())), 0);
    EXPECT_EQ(run(static_cast<int>(arguments.size())), 1);  // the name is taken
  });
  EXPECT_THAT(taps_inside(), HasSubstr("vm0: tap multi_queue persist user 107"));
}

TEST_F(TapApply, WithoutIpamTheLinkHasNoAddress) {
  const cni::Result result = add(request(cni::Verb::add, R"(,"ipam":{})"));
  EXPECT_TRUE(result.ips.empty());
  EXPECT_THAT(links_inside(), Contains(HasSubstr("eth0 tun up")));
  EXPECT_NO_THROW(verify(check(result, R"(,"ipam":{})")));
}

TEST_F(TapApply, ALinkOfThatNameIsNotUsed) {
  test::output_in(sandbox_, "ip tuntap add eth0 mode tap");
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  EXPECT_THAT(taps_inside(), HasSubstr("eth0"));
  EXPECT_EQ(host_.read("log"), "");
}

TEST_F(TapApply, CheckNoticesEachDifference) {
  const cni::Result result = add(request(cni::Verb::add));
  EXPECT_NO_THROW(verify(check(result)));
  for (const char* more : {R"(,"owner":3)", R"(,"group":3)", R"(,"multiQueue":true)"})
    EXPECT_THROW(verify(check(result, more)), cni::Error) << more;
  test::output_in(sandbox_, "ip address del 10.85.0.5/24 dev eth0");
  EXPECT_THROW(verify(check(result)), cni::Error);
  const std::string mac = result.interfaces[0].mac;
  test::output_in(sandbox_, "ip link del eth0; ip tuntap add eth0 mode tap");
  test::output_in(sandbox_, "ip link set eth0 up address " + mac);
  EXPECT_THROW(verify(check(result)), cni::Error);
}

TEST_F(TapApply, CheckAcceptsMoreThanWasAskedFor) {
  const cni::Result result = add(request(cni::Verb::add));
  test::output_in(sandbox_, "ip address add 10.86.0.1/24 dev eth0; ip link set eth0 mtu 1300");
  EXPECT_NO_THROW(verify(check(result)));
}

/// A program that uses the device, as a VM monitor does.
base::UniqueFd attach_to_eth0(const test::TestHost::Sandbox& sandbox) {
  base::UniqueFd device;
  sandbox.netns.run([&] { device = base::UniqueFd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC)); });
  ifreq wanted{};
  std::string("eth0").copy(wanted.ifr_name, IFNAMSIZ - 1);
  wanted.ifr_flags = IFF_TAP | IFF_VNET_HDR;
  EXPECT_EQ(::ioctl(device.get(), TUNSETIFF, &wanted), 0);
  return device;
}

// Its flags become those of the device.
TEST_F(TapApply, CheckAndDelPassWhileAProgramUsesTheDevice) {
  const cni::Result result = add(request(cni::Verb::add));
  const base::UniqueFd device = attach_to_eth0(sandbox_);
  EXPECT_THAT(taps_inside(), HasSubstr("pi vnet_hdr"));
  EXPECT_NO_THROW(verify(check(result)));
  remove(request(cni::Verb::del));
  EXPECT_EQ(taps_inside(), "");
}

TEST_F(TapApply, AProgramGetsThePacketsOfThePod) {
  add(request(cni::Verb::add));
  const base::UniqueFd device = attach_to_eth0(sandbox_);
  test::output_in(sandbox_, "ping -c1 -W1 10.85.0.1 || true");
  ::fcntl(device.get(), F_SETFL, O_NONBLOCK);
  char frame[2048];
  EXPECT_GT(::read(device.get(), frame, sizeof frame), 0);
}

TEST_F(TapApply, DelSucceedsAgainAndWithABrokenConfiguration) {
  add(request(cni::Verb::add));
  remove(request(cni::Verb::del, R"(,"bridge":"a/b","owner":-1)"));
  EXPECT_EQ(taps_inside(), "");
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
  EXPECT_EQ(host_.read("log"), "ADD\nDEL\nDEL\n");
}

// The reference gives its links no alias.
TEST_F(TapApply, DelRemovesADeviceOfTheReference) {
  const cni::Result result = add(request(cni::Verb::add));
  test::output_in(sandbox_, "ip link set eth0 alias ''");
  cni::Request del = check(result);
  del.verb = cni::Verb::del;
  EXPECT_NO_THROW(verify(check(result)));
  remove(del);
  EXPECT_EQ(taps_inside(), "");
}

TEST_F(TapApply, DelOfAnotherNetworkLeavesTheDevice) {
  const cni::Result result = add(request(cni::Verb::add));
  cni::Request other = request(cni::Verb::del);
  other.network = "net2";
  remove(other);
  EXPECT_NO_THROW(verify(check(result)));
}

TEST_F(TapApply, StatusPassesWhereTheDeviceExists) {
  EXPECT_NO_THROW(report_status(request(cni::Verb::status)));
}

}  // namespace
}  // namespace tap
