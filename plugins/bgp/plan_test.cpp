// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/plan.h"

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bgp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

base::Prefix prefix(const char* text) {
  return *base::Prefix::parse(text);
}
base::IpAddress address(const char* text) {
  return *base::IpAddress::parse(text);
}

const cni::Request kRequest{.container_id = "c1", .ifname = "eth0", .network = "net1"};

cni::Result dual_stack() {
  return {.ips = {{.address = prefix("10.244.1.5/24"), .gateway = address("10.244.1.1")},
                  {.address = prefix("fd00:244:1::5/64")}}};
}

TEST(BgpPlan, AddressesStandAlone) {
  const cni::Result result = complete_result({}, dual_stack());
  EXPECT_THAT(
      result.ips,
      ElementsAre(
          cni::IpConfig{.address = prefix("10.244.1.5/32"), .interface = kContainerInterface},
          cni::IpConfig{.address = prefix("fd00:244:1::5/128"), .interface = kContainerInterface}));
}

TEST(BgpPlan, EachFamilyHasADefaultRouteByTheLinkLocalGateway) {
  EXPECT_THAT(complete_result({}, dual_stack()).routes,
              ElementsAre(cni::Route{.dst = prefix("0.0.0.0/0"), .gateway = address("169.254.1.1")},
                          cni::Route{.dst = prefix("::/0"), .gateway = address("fe80::1")}));
}

TEST(BgpPlan, RoutesOfIpamGoByOurGatewayToo) {
  cni::Result ipam{.ips = {{.address = prefix("10.244.1.5/24")}}};
  ipam.routes = {{.dst = prefix("0.0.0.0/0"), .gateway = address("10.244.1.1"), .mtu = 1300},
                 {.dst = prefix("192.0.2.0/24"), .scope = 253},
                 {.dst = prefix("::/0")}};
  EXPECT_THAT(
      complete_result({}, ipam).routes,
      ElementsAre(
          cni::Route{.dst = prefix("0.0.0.0/0"), .gateway = address("169.254.1.1"), .mtu = 1300},
          cni::Route{.dst = prefix("192.0.2.0/24"), .gateway = address("169.254.1.1")}));
}

TEST(BgpPlan, ADefaultRouteOfAnotherTableIsNotThePods) {
  cni::Result ipam{.ips = {{.address = prefix("10.244.1.5/24")}}};
  ipam.routes = {{.dst = prefix("0.0.0.0/0"), .table = 100}};
  EXPECT_EQ(complete_result({}, ipam).routes.size(), 2u);
}

TEST(BgpPlan, TheGatewayIsOnTheLink) {
  const Plan plan = make_plan({.mtu = 1400}, kRequest, complete_result({}, dual_stack()));
  EXPECT_EQ(plan.sandbox.routes.front(),
            (cni::Route{.dst = prefix("169.254.1.1/32"), .scope = net::kScopeLink}));
  EXPECT_THAT(plan.families, ElementsAre(AF_INET, AF_INET6));
  EXPECT_EQ(plan.veth.mtu, 1400);
  EXPECT_EQ(plan.veth.host_mac, gateway_mac());
}

TEST(BgpPlan, HostRoutesCarryThePodProtocol) {
  EXPECT_EQ(
      host_route(address("10.244.1.5"), 7),
      (net::Route{
          .dst = prefix("10.244.1.5/32"), .oif = 7, .scope = net::kScopeLink, .protocol = 89}));
  EXPECT_EQ(host_route(address("fd00::5"), 7),
            (net::Route{.dst = prefix("fd00::5/128"), .oif = 7, .protocol = 89}));
}

TEST(BgpPlan, MasqueradeLeavesOutTheClusterAndAddressesThatAreNotOfIt) {
  const Conf conf{.ip_masq = true, .network = {prefix("10.244.0.0/16")}};
  EXPECT_THAT(make_plan(conf, kRequest, complete_result(conf, dual_stack())).masquerade,
              ElementsAre(prefix("10.244.1.5/16")));
  EXPECT_THAT(make_plan({}, kRequest, complete_result({}, dual_stack())).masquerade, IsEmpty());
}

}  // namespace
}  // namespace bgp
