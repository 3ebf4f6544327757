// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/plan.h"

#include <gtest/gtest.h>

namespace bridge {
namespace {

base::Prefix prefix(const char* text) {
  return *base::Prefix::parse(text);
}
base::IpAddress address(const char* text) {
  return *base::IpAddress::parse(text);
}

cni::Request request() {
  return {.container_id = "c1", .ifname = "eth0", .config = {}, .network = "net1"};
}

cni::Result dual_stack() {
  return {.ips = {{.address = prefix("10.1.0.5/16"), .gateway = address("10.1.0.1")},
                  {.address = prefix("fd00::5/64"), .gateway = address("fd00::1")}}};
}

TEST(BridgePlan, PutsGatewayOnBridgeWhenIsGateway) {
  const Conf conf{.is_gateway = true};
  const auto plan = make_address_plan(conf, request(), complete_result(conf, dual_stack()));
  EXPECT_EQ(plan.gateway_link, "cni0");
  EXPECT_EQ(plan.gateways, (std::vector{prefix("10.1.0.1/16"), prefix("fd00::1/64")}));
}

TEST(BridgePlan, GatewaysAreIpv4First) {
  const Conf conf{.is_gateway = true};
  auto result = dual_stack();
  std::swap(result.ips[0], result.ips[1]);
  const auto plan = make_address_plan(conf, request(), complete_result(conf, result));
  EXPECT_EQ(plan.gateways.front(), prefix("10.1.0.1/16"));
}

TEST(BridgePlan, MissingGatewayIsTheFirstAddressOfTheSubnet) {
  const Conf conf{.is_gateway = true};
  const auto result = complete_result(conf, {.ips = {{.address = prefix("10.1.0.5/16")}}});
  EXPECT_EQ(result.ips[0].gateway, address("10.1.0.1"));
  EXPECT_FALSE(complete_result({}, {.ips = {{.address = prefix("10.1.0.5/16")}}}).ips[0].gateway);
}

TEST(BridgePlan, S121_AddressesBelongToTheContainersInterface) {
  for (const auto& ip : complete_result({}, dual_stack()).ips)
    EXPECT_EQ(ip.interface, kContainerInterface);
}

TEST(BridgePlan, AddsOneDefaultRoutePerFamilyAfterIpamsRoutes) {
  const Conf conf{.is_gateway = true, .is_default_gateway = true};
  auto ipam = dual_stack();
  ipam.ips.push_back({.address = prefix("10.2.0.5/16"), .gateway = address("10.2.0.1")});
  ipam.routes = {{.dst = prefix("10.99.0.0/16")}};
  const auto routes = complete_result(conf, ipam).routes;
  ASSERT_EQ(routes.size(), 3u);
  EXPECT_EQ(routes[0].dst, prefix("10.99.0.0/16"));
  EXPECT_EQ(routes[1], (cni::Route{.dst = prefix("0.0.0.0/0"), .gateway = address("10.1.0.1")}));
  EXPECT_EQ(routes[2], (cni::Route{.dst = prefix("::/0"), .gateway = address("fd00::1")}));
}

TEST(BridgePlan, DefaultRouteWithGatewayFromIpamSuffices) {
  const Conf conf{.is_gateway = true, .is_default_gateway = true};
  auto ipam = dual_stack();
  ipam.routes = {{.dst = prefix("0.0.0.0/0"), .gateway = address("10.1.0.9")}};
  EXPECT_EQ(complete_result(conf, ipam).routes.size(), 2u);
}

TEST(BridgePlan, ConfiguredDnsReplacesIpams) {
  auto ipam = dual_stack();
  ipam.dns.nameservers = {"10.0.0.10"};
  EXPECT_EQ(complete_result({}, ipam).dns.nameservers.size(), 1u);
  EXPECT_TRUE(complete_result({.dns = cni::Dns{}}, ipam).dns.empty());
}

TEST(BridgePlan, VlanGatewayIsASeparateLink) {
  const Conf conf{.is_gateway = true, .vlan = 7};
  const auto plan = make_address_plan(conf, request(), complete_result(conf, dual_stack()));
  EXPECT_EQ(plan.gateway_link, "cni0.7");
}

TEST(BridgePlan, TrunkWithoutAccessVlanKeepsUntaggedTrafficInVlan1) {
  const Conf conf{.has_trunk = true, .trunk = {5, 6}};
  const auto plan = make_link_plan(conf, request());
  EXPECT_TRUE(plan.bridge.vlan_filtering);
  EXPECT_EQ(plan.vlans, (std::vector<net::PortVlan>{
                            {.id = 5}, {.id = 6}, {.id = 1, .pvid = true, .untagged = true}}));
}

TEST(BridgePlan, MasqueradesOnlyWhenAsked) {
  const auto result = complete_result({}, dual_stack());
  EXPECT_TRUE(make_address_plan({}, request(), result).masquerade.empty());
  EXPECT_EQ(make_address_plan({.ip_masq = true}, request(), result).masquerade,
            (std::vector{prefix("10.1.0.5/16"), prefix("fd00::5/64")}));
}

TEST(BridgePlan, S183_IgnoresAddressesOfOtherInterfaces) {
  auto result = complete_result({}, dual_stack());
  result.ips[1].interface = 7;
  result.ips.push_back({.address = prefix("10.3.0.1/24")});
  EXPECT_EQ(make_address_plan({}, request(), result).sandbox.ips.size(), 1u);
}

// L7
TEST(BridgePlan, L7_DefaultRouteOfIpamNamesTheGatewayThatItUses) {
  auto ipam = dual_stack();
  ipam.routes = {{.dst = prefix("0.0.0.0/0")},
                 {.dst = prefix("::/0")},
                 {.dst = prefix("10.99.0.0/16")},
                 {.dst = prefix("0.0.0.0/0"), .table = 7, .scope = 253}};
  for (const bool is_default_gateway : {false, true}) {
    const Conf conf{.is_gateway = true, .is_default_gateway = is_default_gateway};
    const auto routes = complete_result(conf, ipam).routes;
    ASSERT_EQ(routes.size(), 4u);
    EXPECT_EQ(routes[0].gateway, address("10.1.0.1"));
    EXPECT_EQ(routes[1].gateway, address("fd00::1"));
    EXPECT_FALSE(routes[2].gateway) << "not a default route";
    EXPECT_FALSE(routes[3].gateway) << "on the link";
  }
}

}  // namespace
}  // namespace bridge
