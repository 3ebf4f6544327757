// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>

#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/sysctl.h"
#include "tests/support/host/test_host.h"

namespace net {
namespace {

using Clock = std::chrono::steady_clock;

const base::Prefix kAddress = *base::Prefix::parse("fd00::1/128");

/// A veth pair between host and pod; another thread adds the address to one end, later.
class WaitLocal : public ::testing::Test {
 protected:
  WaitLocal() {
    Netlink host;
    Netlink inside(sandbox_.netns);
    add_veth(host, sandbox_.netns, {.host_name = "v0", .sandbox_name = "eth0"});
    // Allows no event but the expected one: any other would end a wait that listens in the wrong
    // place.
    write_sysctl("net/ipv6/conf/v0/addr_gen_mode", "1");
    sandbox_.netns.run([] { write_sysctl("net/ipv6/conf/eth0/addr_gen_mode", "1"); });
    const int outer = get_link(host, "v0").index;
    const int inner = get_link(inside, "eth0").index;
    set_up(host, outer);
    set_up(inside, inner);
    // The kernel's multicast routes come with the carrier.
    wait_oper_up(host, outer, 5000);
    sandbox_.netns.run([&] { wait_oper_up(inside, inner, 5000); });
  }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

TEST_F(WaitLocal, S159_EndsWithTheKernelsEvent) {
  Netlink host;
  const int index = get_link(host, "v0").index;
  std::jthread other([index] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    Netlink own;
    add_address(own, index, kAddress, Dad::skip);
  });
  const auto begin = Clock::now();
  wait_local(host, nullptr, index, kAddress.address);
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(200));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(4));
}

/// The kernel sends the event of an address before it adds the route that takes packets in.
TEST_F(WaitLocal, S159_EndsWithTheLocalRoute) {
  Netlink host;
  const int index = get_link(host, "v0").index;
  std::jthread other([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_EQ(std::system("ip route add local fd00::1 dev v0"), 0);
  });
  const auto begin = Clock::now();
  wait_local(host, nullptr, index, kAddress.address);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(4));
}

TEST_F(WaitLocal, S159_ReceivesTheEventsOfTheSandbox) {
  Netlink inside(sandbox_.netns);
  const int index = get_link(inside, "eth0").index;
  std::jthread other([this, index] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    Netlink own(sandbox_.netns);
    add_address(own, index, kAddress, Dad::skip);
  });
  const auto begin = Clock::now();
  wait_local(inside, &sandbox_.netns, index, kAddress.address);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(4));
}

TEST_F(WaitLocal, S159_GivesUpAfterFiveSeconds) {
  Netlink host;
  try {
    wait_local(host, nullptr, get_link(host, "v0").index, kAddress.address);
    ADD_FAILURE() << "no other thread added the address";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ETIMEDOUT);
    EXPECT_EQ(std::string(error.what()).find("wait until packets to fd00::1 are taken in"), 0U);
  }
}

}  // namespace
}  // namespace net
