// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vxlan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

base::Prefix prefix(const char* text) {
  return *base::Prefix::parse(text);
}
base::IpAddress address(const char* text) {
  return *base::IpAddress::parse(text);
}

const fabric::Node kSelf{
    .name = "a", .addresses = {address("192.0.2.1")}, .ranges = {prefix("10.27.1.0/24")}};
const fabric::Node kPeer{
    .name = "b", .addresses = {address("192.0.2.2")}, .ranges = {prefix("10.27.2.0/24")}};
const Cluster kCluster{.self = kSelf,
                       .peers = {kSelf, kPeer},
                       .underlay = {.parent = "eth0", .subnets = {prefix("192.0.2.0/24")}}};

Conf conf(Mode mode) {
  Conf conf{.alone = true, .mode = mode};
  conf.options.backend = fabric::Backend::vxlan;
  conf.options.device = "plumb.1";
  return conf;
}

TEST(VxlanCluster, TheNodesSideIsMarkedWithTheNetwork) {
  EXPECT_EQ(make_desired(conf(Mode::l3), "net1", kCluster, 0).scope, "net1");
  const std::string longest(200, 'n');
  EXPECT_EQ(make_desired(conf(Mode::l3), longest, kCluster, 0).scope.size(), 16u);
}

TEST(VxlanCluster, TheNetworkConsistsOfAllListedRanges) {
  EXPECT_THAT(make_desired(conf(Mode::l3), "net1", kCluster, 0).scope_ranges,
              ::testing::Contains(prefix("10.27.2.0/24")));
}

TEST(VxlanCluster, OneSegmentFloodsToThePeersAndHasNoRoutes) {
  const fabric::Desired desired = make_desired(conf(Mode::l2), "net1", kCluster, 9);
  ASSERT_THAT(desired.overlays, SizeIs(1));
  EXPECT_EQ(desired.overlays[0].device.master, 9);
  EXPECT_TRUE(desired.overlays[0].device.learning);
  EXPECT_THAT(desired.overlays[0].device.addresses, IsEmpty());
  EXPECT_EQ(desired.overlays[0].fdb,
            (std::vector<fabric::FdbEntry>{{base::Mac{}, address("192.0.2.2")}}));
  EXPECT_THAT(desired.routes, IsEmpty());
  EXPECT_THAT(desired.traffic->vteps, ElementsAre(address("192.0.2.2")));
}

TEST(VxlanCluster, RefusesAnMtuThatIsTooSmall) {
  Conf small = conf(Mode::l3);
  small.options.mtu = 400;
  try {
    make_desired(small, "net1", kCluster, 0);
    FAIL() << "expected cni::Error";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::invalid_config);
  }
}

TEST(VxlanCluster, PodsGetTheTunnelsMtu) {
  EXPECT_EQ(pod_mtu(conf(Mode::l3), kCluster), 1450);
}

}  // namespace
}  // namespace vxlan
