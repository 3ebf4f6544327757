// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/delta.h"
#include "libcni/net/link.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using test::output_of;
using test::oracle::routes;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

base::IpAddress address(const std::string& text) {
  return base::IpAddress::parse(text).value();
}
base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}
Node node(const std::string& name, const std::string& underlay,
          const std::vector<std::string>& ranges) {
  Node made{.name = name, .addresses = {address(underlay)}};
  for (const auto& text : ranges) made.ranges.push_back(prefix(text));
  return made;
}

/// The node a (10.0.0.1 on eth0) with a tunnel to b, c and d.
class FabricHasten : public ::testing::Test {
 protected:
  FabricHasten() {
    output_of(
        "ip link add eth0 type veth peer name far0; ip addr add 10.0.0.1/24 dev eth0; "
        "ip link set eth0 up; ip link set far0 up");
    EXPECT_THAT(apply(netlink_, before_).errors, IsEmpty());
  }
  /// Without cluster ranges the packet filter's sets contain the ranges of the nodes.
  Desired desired(const Options& options = {.backend = Backend::vxlan}) const {
    return plan(nodes_[0], nodes_, options, {.parent = "eth0", .subnets = {prefix("10.0.0.0/24")}});
  }
  static std::string state() {
    return test::overlay_state() + output_of("nft list table inet plumb");
  }

  test::TestHost host_;
  net::Netlink netlink_;
  std::vector<Node> nodes_ = {node("a", "10.0.0.1", {"10.244.1.0/24", "fd10:1::/64"}),
                              node("b", "10.0.0.2", {"10.244.2.0/24", "fd10:2::/64"}),
                              node("c", "10.0.9.3", {"10.244.3.0/24", "fd10:3::/64"}),
                              node("d", "10.0.9.4", {"10.244.4.0/24"})};
  Desired before_ = desired();
};

TEST_F(FabricHasten, LeavesNothingForApply) {
  nodes_[1].addresses = {address("10.0.0.22")};
  nodes_[2] = node("cc", "10.0.9.33", {"10.244.33.0/24", "fd10:33::/64"});
  nodes_.push_back(node("e", "10.0.9.5", {"10.244.3.0/24"}));
  const Desired wanted = desired();
  const Report report = apply_delta(netlink_, before_, wanted);
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_GT(report.requests, 0u);
  const std::string written = state();
  EXPECT_THAT(written, AllOf(HasSubstr("10.244.33.0/24"), HasSubstr("fd10:33::/64"),
                             HasSubstr("02:76:0a:00:00:16"), HasSubstr("10.0.9.33"),
                             Not(HasSubstr("10.0.9.3 ")), Not(HasSubstr("fd10:3::"))));
  const Report left = apply(netlink_, wanted);
  EXPECT_THAT(left.changes, IsEmpty());
  EXPECT_EQ(left.requests, 0u);
  apply(netlink_, {});
  apply(netlink_, wanted);
  EXPECT_EQ(state(), written);
}

TEST_F(FabricHasten, WritesNothingForTheSamePlan) {
  EXPECT_EQ(apply_delta(netlink_, before_, desired()), Report{});
}

TEST_F(FabricHasten, DoesNoHarmWhenTheKernelNeverHadThePlan) {
  nodes_.pop_back();
  nodes_.push_back(node("e", "10.0.9.5", {"10.244.5.0/24"}));
  const Desired never = desired();
  nodes_.push_back(node("f", "10.0.9.6", {"10.244.6.0/24"}));
  nodes_.erase(nodes_.begin() + 1);
  const Desired wanted = desired();
  EXPECT_THAT(apply_delta(netlink_, never, wanted).errors, IsEmpty());
  EXPECT_THAT(apply(netlink_, wanted).errors, IsEmpty());
  const std::string put_right = state();
  apply(netlink_, {});
  apply(netlink_, wanted);
  EXPECT_EQ(state(), put_right);
}

TEST_F(FabricHasten, KeepsRoutesOfOtherPrograms) {
  output_of("ip route add 10.244.5.0/24 via 10.0.0.7 proto static");
  output_of("ip route replace 10.244.4.0/24 via 10.0.0.7 proto static");
  nodes_.pop_back();
  nodes_.push_back(node("e", "10.0.0.5", {"10.244.5.0/24"}));
  const Desired wanted = desired();
  EXPECT_THAT(apply_delta(netlink_, before_, wanted).errors, IsEmpty());
  EXPECT_THAT(routes(),
              IsSupersetOf({"main 10.244.4.0/24 via 10.0.0.7 dev eth0 proto 4 metric 0",
                            "main 10.244.5.0/24 via 10.0.0.7 dev eth0 proto 4 metric 0"}));
  EXPECT_THAT(apply(netlink_, wanted).errors, ElementsAre(HasSubstr("10.244.5.0/24")));
}

TEST_F(FabricHasten, DoesNotReplaceRoutes) {
  const Options direct{.backend = Backend::automatic};
  nodes_.push_back(node("e", "10.0.0.5", {"10.244.5.0/24"}));
  const Desired near = desired(direct);
  apply(netlink_, near);
  nodes_.back().addresses = {address("10.0.0.6")};
  const Desired moved = desired(direct);
  apply_delta(netlink_, near, moved);
  EXPECT_THAT(routes(), Contains(StartsWith("main 10.244.5.0/24 via 10.0.0.5 ")));
  apply(netlink_, moved);
  EXPECT_THAT(routes(), Contains(StartsWith("main 10.244.5.0/24 via 10.0.0.6 ")));
}

TEST_F(FabricHasten, DoesNothingForAnOldList) {
  nodes_.pop_back();
  Desired old = desired();
  old.complete = false;
  const std::string state_before = state();
  EXPECT_EQ(apply_delta(netlink_, before_, old), Report{});
  EXPECT_EQ(state(), state_before);
}

TEST_F(FabricHasten, DoesNothingWhenADeviceDiffers) {
  nodes_.pop_back();
  const Desired wanted = desired();
  EXPECT_EQ(apply_delta(netlink_, before_, desired({.backend = Backend::vxlan, .vni = 7})),
            Report{});
  output_of("ip link set plumb-vxlan alias foreign");
  EXPECT_EQ(apply_delta(netlink_, before_, wanted), Report{});
  output_of("ip link del plumb-vxlan");
  EXPECT_EQ(apply_delta(netlink_, before_, wanted), Report{});
  output_of("ip link add plumb-vxlan type bridge; ip link set plumb-vxlan up");
  EXPECT_EQ(apply_delta(netlink_, before_, wanted), Report{});
}

TEST_F(FabricHasten, WritesRoutesWhenTheTableIsMissing) {
  output_of("nft delete table inet plumb");
  nodes_.push_back(node("e", "10.0.9.5", {"10.244.5.0/24"}));
  const Desired wanted = desired();
  EXPECT_THAT(apply_delta(netlink_, before_, wanted).errors, IsEmpty());
  EXPECT_THAT(routes(), Contains(StartsWith("main 10.244.5.0/24 ")));
  EXPECT_THAT(apply(netlink_, wanted).errors, IsEmpty());
  EXPECT_THAT(output_of("nft list set inet plumb vteps4"), HasSubstr("10.0.9.5"));
}

}  // namespace
}  // namespace fabric
