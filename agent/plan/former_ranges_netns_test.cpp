// SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/kernel.h"
#include "agent/plan/former_ranges.h"
#include "libcni/net/link.h"
#include "libcni/nodes/node_file.h"
#include "tests/support/host/oracle.h"
#include "tests/support/temp_dir.h"

namespace agent {
namespace {

using test::oracle::addresses;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;

const base::Prefix kOld = *base::Prefix::parse("10.244.3.0/24");
const base::Prefix kNew = *base::Prefix::parse("10.244.103.0/24");

/// In a network namespace of its own, with node.json of a plumbd before.
class FormerRangesTest : public testing::Test {
 protected:
  FormerRangesTest() {
    EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
    netlink_.emplace();
    config_.state_dir = folder_.path();
    config_.cni_conf = folder_.file(
        "list", R"({"plugins":[{"ipam":{"dataDir":")" + folder_.path() + R"(/networks"}}]})");
    remember({kOld});
    std::filesystem::create_directories(folder_.path() + "/networks");
  }
  void remember(const std::vector<base::Prefix>& ranges) {
    folder_.file("node.json",
                 nodes::print_node_json({.name = "n3", .ranges = ranges, .mtu = 1450}));
  }
  std::string reserve(const std::string& address) {
    std::filesystem::create_directories(folder_.path() + "/networks/plumb");
    return folder_.file("networks/plumb/" + address, "c1\r\neth0");
  }
  void look(FormerRanges& former) {
    former.look(*netlink_, {kNew});
    std::vector<base::Prefix> served{kNew};
    for (const base::Prefix& range : former.wanted()) served.push_back(range);
    former.serve(served);
  }
  static void run(const std::string& command) { EXPECT_EQ(std::system(command.c_str()), 0); }
  PodCount count() { return count_pods(*netlink_, folder_.path() + "/networks", kOld); }
  std::size_t pods() { return count().addresses; }

  test::TempDir folder_;
  Config config_;
  std::optional<net::Netlink> netlink_;
};

TEST_F(FormerRangesTest, CountsReservationsAndRoutesToSingleAddresses) {
  EXPECT_EQ(pods(), 0u);
  reserve("10.244.3.7");
  reserve("10.244.4.7");
  EXPECT_EQ(pods(), 1u);
  run("ip link set lo up; ip route add 10.244.3.7 dev lo; ip route add 10.244.3.8 dev lo proto 89; "
      "ip route add 10.244.3.0/24 dev lo; ip route add 10.244.3.9 dev lo proto kernel; "
      "ip route add blackhole 10.244.3.10; ip route add 10.244.5.1 dev lo");
  EXPECT_EQ(pods(), 2u);
}

// K1: a container that does not have the node's folder cannot count pods.
TEST_F(FormerRangesTest, ARangeStaysWhileTheFolderOfReservationsIsMissing) {
  std::filesystem::remove(folder_.path() + "/networks");
  EXPECT_THROW(pods(), std::system_error);
  FormerRanges former(config_);
  look(former);
  EXPECT_THAT(former.granted({kNew}), ElementsAre(kOld));
  EXPECT_THAT(former.problem(), HasSubstr("/networks: No such file or directory"));
  EXPECT_EQ(former.due(), std::nullopt);
}

// K1: the ports of the range's bridge count as pods, too.
TEST_F(FormerRangesTest, ARangeStaysWhileItsBridgeHasPodsWithoutReservation) {
  run("ip link add cni0 type bridge; ip addr add 10.244.3.1/24 dev cni0; "
      "ip addr add 10.244.103.1/24 dev cni0; ip link add docker0 type bridge; "
      "ip addr add 172.17.0.1/16 dev docker0; ip link add other type veth peer name o; "
      "ip link set other master docker0");
  EXPECT_EQ(count(), PodCount{});
  run("ip link add p1 type veth peer name q1; ip link set p1 master cni0; "
      "ip link add p2 type veth peer name q2; ip link set p2 master cni0");
  EXPECT_EQ(count().unknown, 2u);
  std::filesystem::create_directories(folder_.path() + "/networks/plumb");
  folder_.file("networks/plumb/10.244.103.2", "new\r\neth0");
  folder_.file("networks/plumb/172.17.0.2", "elsewhere\r\neth0");
  EXPECT_EQ(count().unknown, 1u) << "a pod of the new range is accounted for";
  FormerRanges former(config_);
  look(former);
  EXPECT_THAT(former.problem(), HasSubstr("former range 10.244.3.0/24 is kept: 1 pods"));
  EXPECT_EQ(former.due(), std::nullopt);
  folder_.file("networks/plumb/10.244.103.3", "newer\r\neth0");
  look(former);
  EXPECT_EQ(former.problem(), "");
  EXPECT_TRUE(former.due());
}

TEST_F(FormerRangesTest, ARangeIsServedWhileItHasPodsAlsoAfterARestart) {
  const std::string pod = reserve("10.244.3.7");
  FormerRanges first(config_);
  look(first);
  EXPECT_THAT(first.granted({kNew}), ElementsAre(kOld));
  EXPECT_EQ(first.due(), std::nullopt);
  remember({kNew, kOld});

  FormerRanges second(config_);
  look(second);
  EXPECT_THAT(second.granted({kNew}), ElementsAre(kOld));
  std::filesystem::remove(pod);
  look(second);
  EXPECT_THAT(second.granted({kNew}), ElementsAre(kOld));  // an ADD may be under way
  ASSERT_TRUE(second.due());
  EXPECT_LE(*second.due() - FormerRanges::Clock::now(), std::chrono::seconds(5));
}

TEST_F(FormerRangesTest, ARangeFromTheSourceIsNotFormer) {
  FormerRanges former(config_);
  former.look(*netlink_, {kNew, kOld});
  EXPECT_THAT(former.all(), IsEmpty());
}

// A command such as `plumbd plan` plans, too, and must not change the node.
TEST_F(FormerRangesTest, LeavesRemovalOfGatewaysToTheKernelDriver) {
  reserve("10.244.3.7");
  run("ip link add cni0 type bridge; ip link add dummy type ifb; ip addr add 10.244.3.1/24 dev "
      "cni0; "
      "ip addr add 10.244.103.1/24 dev cni0; ip addr add 10.244.4.1/24 dev cni0; "
      "ip addr add 10.244.3.1/24 dev dummy");
  FormerRanges former(config_);
  former.look(*netlink_, {kNew});
  former.serve({kNew});
  EXPECT_THAT(former.granted({kNew}), IsEmpty());
  EXPECT_THAT(former.wanted(), ElementsAre(kOld));
  EXPECT_THAT(addresses(), IsSupersetOf({"cni0 10.244.3.1/24", "dummy 10.244.3.1/24"}));
  EXPECT_THAT(former.take_withdrawn(), ElementsAre(kOld));
  EXPECT_THAT(former.take_withdrawn(), IsEmpty());
  EXPECT_THAT(remove_gateway(*netlink_, kOld), ElementsAre("cni0"));
  EXPECT_THAT(addresses(),
              ElementsAre("cni0 10.244.103.1/24", "cni0 10.244.4.1/24", "dummy 10.244.3.1/24"));
}

TEST_F(FormerRangesTest, ARangeStaysWhenPodsCannotBeCounted) {
  config_.cni_conf = folder_.file("broken", "{");
  FormerRanges former(config_);
  look(former);
  EXPECT_THAT(former.granted({kNew}), ElementsAre(kOld));
  EXPECT_THAT(former.problem(), HasSubstr("cannot be counted"));
}

}  // namespace
}  // namespace agent
