// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/plan.h"

#include <gtest/gtest.h>

namespace vrf {
namespace {

constexpr int kLink = 3;

net::Route route(const std::string& dst, const std::string& gateway = {}) {
  net::Route result{.dst = *base::Prefix::parse(dst), .oif = kLink};
  if (!gateway.empty()) result.gateway = base::IpAddress::parse(gateway);
  return result;
}

net::Route with_hops(std::vector<net::NextHop> hops) {
  net::Route result{.dst = *base::Prefix::parse("::/0"), .hops = std::move(hops)};
  return result;
}

const auto kFirst = *base::IpAddress::parse("fd00::1");
const auto kSecond = *base::IpAddress::parse("fd00::2");

TEST(VrfPlan, ChoosesTheLowestTableThatNothingUses) {
  EXPECT_EQ(choose_table({}), 1U);
  EXPECT_EQ(choose_table({1, 2, 4}), 3U);
  std::set<std::uint32_t> all;
  for (std::uint32_t table = 1; table < 253; ++table) all.insert(table);
  EXPECT_EQ(choose_table(all), 256U);
}

TEST(VrfPlan, FindsTheRoutesOfTheLinkThatTheKernelDoesNotMakeAgain) {
  net::Route of_kernel = route("10.1.0.0/16");
  of_kernel.protocol = net::kProtocolKernel;
  net::Route of_router = route("::/0", "fe80::1");
  of_router.protocol = net::kProtocolRouterAdvertisement;
  net::Route local = route("10.1.0.2/32");
  local.table = 255;
  net::Route of_another = route("10.2.0.0/16");
  of_another.oif = kLink + 1;
  const net::Route by_gateway = route("0.0.0.0/0", "10.1.0.1");
  const net::Route on_link = route("10.9.0.0/16");
  const std::vector<net::Route> present{by_gateway, of_kernel,  of_router,
                                        local,      of_another, on_link};
  EXPECT_EQ(find_forgotten(present, kLink), (std::vector<net::Route>{on_link, by_gateway}));
}

// The reference keeps one of them.
TEST(VrfPlan, KeepsTheNextHopsOfTheLink) {
  const net::NextHop first{.oif = kLink, .gateway = kFirst};
  const net::NextHop second{.oif = kLink, .gateway = kSecond};
  const net::NextHop other{.oif = kLink + 1, .gateway = kSecond};
  const std::vector<net::Route> both{with_hops({first, second})};
  EXPECT_EQ(find_forgotten(both, kLink), both);
  EXPECT_EQ(find_forgotten(std::vector{with_hops({first, other})}, kLink),
            (std::vector<net::Route>{route("::/0", "fd00::1")}));
}

TEST(VrfPlan, MovesTheRoutesOfTheMainTableOnly) {
  net::Route of_sbr = route("0.0.0.0/0", "10.1.0.1");
  of_sbr.table = 100;
  const auto moved = move({route("10.9.0.0/16"), of_sbr}, 7);
  EXPECT_EQ(moved[0].table, 7U);
  EXPECT_EQ(moved[1].table, 100U);
}

}  // namespace
}  // namespace vrf
