// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/allocation.h"

#include <set>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace agent::etcd {
namespace {

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

std::string picked(const std::vector<Pool>& pools, const std::vector<base::Prefix>& taken,
                   std::uint64_t random) {
  const auto range = pick(pools, taken, random);
  return range ? range->text() : "none";
}

TEST(EtcdAllocation, NumbersTheRangesOfANetwork) {
  const Pool v4 = make_pool(prefix("10.5.3.1/16"), 24);
  EXPECT_EQ(v4.network.text(), "10.5.0.0/16");
  EXPECT_EQ(v4.last, 255u);
  EXPECT_EQ(range_of(v4, 52).text(), "10.5.52.0/24");
  EXPECT_EQ(number_of(v4, prefix("10.5.52.9/32").address), 52u);
  const Pool odd = make_pool(prefix("10.5.0.0/21"), 27);
  EXPECT_EQ(range_of(odd, 63).text(), "10.5.7.224/27");
  const Pool v6 = make_pool(prefix("fc00::/10"), 64);
  EXPECT_EQ(range_of(v6, 0x3f'ffff'ffff'ffff).text(), "fc3f:ffff:ffff:ffff::/64");
  EXPECT_EQ(number_of(v6, prefix("fc00:0:0:5::1/128").address), 5u);
}

TEST(EtcdAllocation, RefusesRangesThatDoNotFit) {
  EXPECT_THROW(make_pool(prefix("10.5.0.0/16"), 15), std::invalid_argument);
  EXPECT_THROW(make_pool(prefix("10.5.0.0/16"), 33), std::invalid_argument);
  EXPECT_THROW(make_pool(prefix("fc00::/1"), 64), std::invalid_argument);
}

TEST(EtcdAllocation, PicksEachFreeRangeForSomeRandomNumber) {
  const std::vector<Pool> pools{make_pool(prefix("10.5.0.0/22"), 24),
                                make_pool(prefix("10.9.0.0/24"), 24)};
  const std::vector<base::Prefix> taken{prefix("10.5.1.0/24"), prefix("10.7.0.0/16")};
  std::set<std::string> all;
  for (std::uint64_t random = 0; random < 4; ++random) all.insert(picked(pools, taken, random));
  EXPECT_EQ(all,
            (std::set<std::string>{"10.5.0.0/24", "10.5.2.0/24", "10.5.3.0/24", "10.9.0.0/24"}));
}

TEST(EtcdAllocation, KeepsClearOfLargerAndSmallerRanges) {
  const std::vector<Pool> pools{make_pool(prefix("10.5.0.0/22"), 24)};
  EXPECT_EQ(picked(pools, {prefix("10.5.0.0/23"), prefix("10.5.2.128/25")}, 7), "10.5.3.0/24");
  EXPECT_EQ(
      picked(pools, {prefix("10.5.0.0/23"), prefix("10.5.2.128/25"), prefix("10.5.3.0/30")}, 7),
      "none");
  EXPECT_EQ(picked(pools, {prefix("10.0.0.0/8")}, 0), "none");
  EXPECT_EQ(picked({}, {}, 0), "none");
}

TEST(EtcdAllocation, StaysBetweenFirstAndLast) {
  Pool pool = make_pool(prefix("10.5.0.0/16"), 24);
  pool.first = 10;
  pool.last = 11;
  EXPECT_EQ(picked({pool}, {}, 0), "10.5.10.0/24");
  EXPECT_EQ(picked({pool}, {}, 1), "10.5.11.0/24");
  EXPECT_EQ(picked({pool}, {prefix("10.5.0.0/21"), prefix("10.5.10.0/24")}, 8), "10.5.11.0/24");
  EXPECT_EQ(picked({pool}, {prefix("10.5.10.0/23")}, 8), "none");
  EXPECT_TRUE(offers(std::vector{pool}, prefix("10.5.11.0/24")));
  EXPECT_FALSE(offers(std::vector{pool}, prefix("10.5.12.0/24")));
  EXPECT_FALSE(offers(std::vector{pool}, prefix("10.5.11.0/25")));
  EXPECT_FALSE(offers(std::vector{pool}, prefix("10.6.11.0/24")));
}

}  // namespace
}  // namespace agent::etcd
