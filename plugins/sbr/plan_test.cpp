// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/plan.h"

#include <gtest/gtest.h>

namespace sbr {
namespace {

base::Prefix prefix(const char* text) {
  return *base::Prefix::parse(text);
}
base::IpAddress ip(const char* text) {
  return *base::IpAddress::parse(text);
}

constexpr int kOurs = 7;
const std::vector<Source> kSource{{.address = prefix("10.31.0.2/24"), .gateway = ip("10.31.0.1")}};

TEST(SbrPlan, TakesItsOwnHopOfAMultipathRoute) {
  const net::Route shared{
      .dst = prefix("10.99.0.0/16"),
      .hops = {{.oif = 3, .gateway = ip("10.30.0.1")}, {.oif = kOurs, .gateway = ip("10.31.0.1")}}};
  net::Route own{.dst = shared.dst, .gateway = ip("10.31.0.1"), .oif = kOurs};
  const Plan plan = make_plan({}, {.index = kOurs, .routes = {shared}}, kSource);
  EXPECT_EQ(plan.removed, std::vector{own});
  own.table = 100;
  ASSERT_EQ(plan.added.size(), 2u);
  EXPECT_EQ(plan.added[0], own);
}

TEST(SbrPlan, LeavesRoutesOfAnotherSubnetAndAnotherInterface) {
  const net::Route other_subnet{
      .dst = prefix("10.55.0.0/16"), .source = ip("10.55.0.2"), .oif = kOurs};
  const net::Route other_interface{
      .dst = prefix("10.56.0.0/16"), .gateway = ip("10.31.0.1"), .oif = 3};
  const Plan plan =
      make_plan({}, {.index = kOurs, .routes = {other_subnet, other_interface}}, kSource);
  EXPECT_EQ(plan.removed.size(), 0u);
  EXPECT_EQ(plan.added.size(), 1u);  // the default route
}

TEST(SbrPlan, UsesTheTableOfARuleThatIsThere) {
  const Present present{
      .index = kOurs,
      .rules = {{.source = prefix("10.31.0.2/32"), .table = 254, .priority = 9},
                {.source = prefix("10.31.0.2/32"), .table = 142, .priority = 10},
                {.source = prefix("10.31.0.3/32"), .table = 100, .priority = 11}}};
  EXPECT_EQ(make_plan({}, present, kSource).rules[0].table, 142u);
}

TEST(SbrPlan, ADefaultRouteWithoutAGatewayOfItsOwnConcernsEveryAddress) {
  const net::Route theirs{.dst = prefix("0.0.0.0/0"), .gateway = ip("169.254.1.1"), .oif = kOurs};
  const std::vector<Source> sources{{.address = prefix("10.31.0.2/32")},
                                    {.address = prefix("10.32.0.2/32")},
                                    {.address = prefix("fd31::2/64")}};
  const Plan plan = make_plan({}, {.index = kOurs, .routes = {theirs}}, sources);
  EXPECT_EQ(plan.removed, std::vector{theirs});
  ASSERT_EQ(plan.added.size(), 2u);
  EXPECT_EQ(plan.added[0].table, 100u);
  EXPECT_EQ(plan.added[1].table, 101u);
}

TEST(SbrPlan, NeverChoosesTheKernelsTables) {
  Present present{.index = kOurs};
  for (std::uint32_t table = 100; table < 253; ++table)
    present.rules.push_back({.source = prefix("0.0.0.0/0"), .table = table});
  EXPECT_EQ(make_plan({}, present, kSource).rules[0].table, 256u);
}

TEST(SbrPlan, AddressesOfOtherInterfacesAreNotItsSources) {
  const cni::Result result{.interfaces = {{.name = "eth0", .mac = ""}, {.name = "net1", .mac = ""}},
                           .ips = {{.address = prefix("10.0.0.1/24"), .interface = 0},
                                   {.address = prefix("10.0.0.2/24"), .interface = 1},
                                   {.address = prefix("10.0.0.3/24")},
                                   {.address = prefix("10.0.0.4/24"), .interface = -1},
                                   {.address = prefix("10.0.0.5/24"), .interface = 2}}};
  EXPECT_EQ(sources_of({}, result, "net1"),
            (std::vector<Source>{{.address = prefix("10.0.0.2/24")},
                                 {.address = prefix("10.0.0.3/24")},
                                 {.address = prefix("10.0.0.4/24")},
                                 {.address = prefix("10.0.0.5/24")}}));
}

}  // namespace
}  // namespace sbr
