// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/kernel.h"
#include "libcni/nodes/node_file.h"
#include "tests/support/host/oracle.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_loop.h"

namespace agent {
namespace {

using test::oracle::addresses;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const base::Prefix kOld = *base::Prefix::parse("10.244.3.0/24");
const base::Prefix kNew = *base::Prefix::parse("10.244.103.0/24");
constexpr const char* kGateway = "10.244.3.1/24";
constexpr const char* kGatewayLine = "cni0 10.244.3.1/24";

/// While it lives, the kernel refuses every change of the network by this thread.
class WithoutNetAdmin {
 public:
  WithoutNetAdmin() { set(false); }
  WithoutNetAdmin(const WithoutNetAdmin&) = delete;
  WithoutNetAdmin& operator=(const WithoutNetAdmin&) = delete;
  ~WithoutNetAdmin() { set(true); }

 private:
  static void set(bool effective) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> data{};
    ASSERT_EQ(::syscall(SYS_capget, &header, data.data()), 0);
    constexpr unsigned kBit = 1U << CAP_NET_ADMIN;
    data[0].effective = effective ? data[0].effective | kBit : data[0].effective & ~kBit;
    ASSERT_EQ(::syscall(SYS_capset, &header, data.data()), 0);
  }
};

/// A node in a namespace of its own. Another node has the range that this node served before, and
/// the bridge of its pods still has the gateway's address.
class KernelDriverTest : public testing::Test {
 protected:
  KernelDriverTest() {
    run("ip link set lo up; ip link add eth0 type veth peer name far0; ip link set eth0 up; "
        "ip addr add 10.0.0.1/24 dev eth0; ip link add cni0 type bridge; ip link set cni0 up; "
        "ip addr add 10.244.3.1/24 dev cni0");
    snapshot_.nodes = {
        {.name = "a", .addresses = {*base::IpAddress::parse("10.0.0.1")}, .ranges = {kNew}},
        {.name = "b", .addresses = {*base::IpAddress::parse("10.0.0.2")}, .ranges = {kOld}}};
  }
  static void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0); }

  struct Namespace {
    Namespace() { EXPECT_EQ(::unshare(CLONE_NEWNET), 0); }
  };
  Namespace namespace_;
  test::TempDir dir_;
  Config config_ = [this] {
    Config config;
    config.node_name = "a";
    config.state_dir = config.run_dir = dir_.path();
    dir_.file("node.json", nodes::print_node_json({.name = "a", .ranges = {kOld}, .mtu = 1450}));
    return config;
  }();
  net::Netlink netlink_;
  test::TestLoop loop_;
  KernelWatch watch_{netlink_, loop_, [] {}};
  Planner planner_{config_, netlink_};
  KernelDriver driver_{netlink_, watch_, config_.run_dir};
  Snapshot snapshot_;
};

TEST_F(KernelDriverTest, TriesAgainToRemoveAGatewayThatTheKernelKept) {
  planner_.run(snapshot_, false);
  {
    const WithoutNetAdmin refused;
    const DriverRun run = driver_.run(planner_);
    EXPECT_THAT(run.problem, HasSubstr("Operation not permitted"));
    EXPECT_THAT(driver_.report().errors, Contains(HasSubstr(kGateway)));
  }
  EXPECT_THAT(addresses(), Contains(kGatewayLine));

  planner_.run(snapshot_, false);
  EXPECT_EQ(driver_.run(planner_).problem, "");
  EXPECT_THAT(addresses(), Not(Contains(kGatewayLine)));
}

TEST_F(KernelDriverTest, LeavesAGatewayWhoseRangeIsServedAgain) {
  planner_.run(snapshot_, false);
  {
    const WithoutNetAdmin refused;
    driver_.run(planner_);
  }
  std::swap(snapshot_.nodes[0].ranges, snapshot_.nodes[1].ranges);
  planner_.run(snapshot_, false);
  driver_.run(planner_);
  EXPECT_THAT(planner_.state().self.ranges, Contains(kOld));
  EXPECT_THAT(addresses(), Contains(kGatewayLine));
  EXPECT_THAT(driver_.report().errors, Not(Contains(HasSubstr(kGateway))));
}

}  // namespace
}  // namespace agent
