// SPDX-License-Identifier: Apache-2.0
#include "plugins/ptp/plan.h"

#include <gtest/gtest.h>

namespace ptp {
namespace {

base::Prefix prefix(const char* text) {
  return *base::Prefix::parse(text);
}
base::IpAddress address(const char* text) {
  return *base::IpAddress::parse(text);
}

cni::Request request(const std::string& config = "{}") {
  return {.container_id = "c1",
          .ifname = "eth0",
          .config = json::Object::parse(config, "test configuration"),
          .network = "net1"};
}

cni::Result dual_stack() {
  return {.ips = {{.address = prefix("10.1.0.5/16"), .gateway = address("10.1.0.1")},
                  {.address = prefix("fd00::5/64"), .gateway = address("fd00::1")}}};
}

TEST(PtpConf, DefaultsAreTheReferences) {
  EXPECT_EQ(parse_conf(request()), Conf{});
}

TEST(PtpConf, S103_RefusesAnUnknownBackend) {
  EXPECT_THROW(parse_conf(request(R"({"ipMasqBackend":"pf"})")), cni::Error);
}

TEST(PtpPlan, S121_AddressesBelongToTheContainersInterface) {
  for (const auto& ip : complete_result({}, dual_stack()).ips)
    EXPECT_EQ(ip.interface, kContainerInterface);
}

TEST(PtpPlan, RefusesAnAddressWithoutGatewayBeforeAnyWork) {
  try {
    complete_result({}, {.ips = {{.address = prefix("10.1.0.5/16")}}});
    FAIL() << "expected cni::Error";
  } catch (const cni::Error& e) {
    EXPECT_EQ(e.code(), cni::Code::invalid_config);
    EXPECT_STREQ(e.what(), "IPAM gave no gateway for 10.1.0.5/16, which ptp needs");
  }
}

TEST(PtpPlan, RoutesEachAddressThroughItsGateway) {
  const auto plan = make_plan({.ip_masq = true}, request(), complete_result({}, dual_stack()));
  EXPECT_EQ(plan.legs, (std::vector<Leg>{{prefix("10.1.0.5/16"), address("10.1.0.1")},
                                         {prefix("fd00::5/64"), address("fd00::1")}}));
  EXPECT_EQ(plan.masquerade.size(), 2u);
  EXPECT_FALSE(plan.sandbox.dad);
}

TEST(PtpPlan, RoutesAreThoseOfTheReference) {
  const Leg leg{prefix("10.1.0.5/16"), address("10.1.0.1")};
  EXPECT_EQ(sandbox_routes(leg, 7), (std::vector<net::Route>{{.dst = prefix("10.1.0.1/32"),
                                                              .source = address("10.1.0.5"),
                                                              .oif = 7,
                                                              .scope = net::kScopeLink},
                                                             {.dst = prefix("10.1.0.0/16"),
                                                              .gateway = address("10.1.0.1"),
                                                              .source = address("10.1.0.5"),
                                                              .oif = 7}}));
  EXPECT_EQ(host_route(leg, 9),
            (net::Route{.dst = prefix("10.1.0.5/32"), .oif = 9, .scope = net::kScopeHost}));
}

TEST(PtpPlan, ConfiguredDnsReplacesIpams) {
  auto ipam = dual_stack();
  ipam.dns.nameservers = {"10.0.0.10"};
  EXPECT_EQ(complete_result({}, ipam).dns.nameservers.size(), 1u);
  EXPECT_TRUE(complete_result({.dns = cni::Dns{}}, ipam).dns.empty());
}

// L7
TEST(PtpPlan, L7_DefaultRouteOfIpamNamesTheGatewayThatItUses) {
  auto ipam = dual_stack();
  ipam.routes = {{.dst = prefix("0.0.0.0/0")}, {.dst = prefix("::/0")}};
  const auto routes = complete_result({}, ipam).routes;
  EXPECT_EQ(routes[0].gateway, address("10.1.0.1"));
  EXPECT_EQ(routes[1].gateway, address("fd00::1"));
}

}  // namespace
}  // namespace ptp
