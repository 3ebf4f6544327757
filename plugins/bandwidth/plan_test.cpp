// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/plan.h"

#include <chrono>

#include <gtest/gtest.h>

namespace bandwidth {
namespace {

constexpr double kTicks = 15.625;
constexpr std::uint32_t kMost = 0xFFFFFFFF;
constexpr Limit kKubernetes{1000000, 2147483647};  // the burst that kubelets write

// As Debian's plugin sets them: 10 Gbit/s with 80 Mbit is buffer 8 ms, limit 31250000 + 10000000.
TEST(BandwidthPlan, HasTheNumbersOfTheReference) {
  EXPECT_EQ(make_bucket({10000000000, 80000000}, kTicks),
            (net::TokenBucket{1250000000, 125000, 41250000}));
  EXPECT_EQ(make_bucket({1000000, 100000}, kTicks), (net::TokenBucket{125000, 1562500, 15625}));
  // 12500 bytes at 375 bytes per second: 33333333.3 us.
  EXPECT_EQ(make_bucket({3000, 100000}, kTicks), (net::TokenBucket{375, 520833328, 12509}));
}

TEST(BandwidthPlan, HasTheLargestNumbersThatFitWhereTheReferencesWrap) {
  const net::TokenBucket bucket = make_bucket(kKubernetes, kTicks);
  EXPECT_EQ(bucket.buffer, kMost);
  // 274.877906944 s of 125000 bytes, and 25 ms.
  EXPECT_EQ(bucket.limit, 34359738u + 3125u);
  EXPECT_EQ(make_bucket({8, 34359738352}, kTicks).buffer, kMost);
  EXPECT_EQ(make_bucket({8, 34359738352}, kTicks).limit, 274u);
  EXPECT_EQ(make_bucket({18446744073709551615ULL, 34359738352}, kTicks).limit, kMost);
}

TEST(BandwidthPlan, HasABucketThatHoldsSomethingAtEveryRate) {
  EXPECT_EQ(make_bucket({18446744073709551615ULL, 8}, kTicks).buffer, 1u);
  // 12500 bytes in 0.5 us.
  EXPECT_EQ(make_bucket({200000000000, 100000}, kTicks).buffer, 7u);
}

TEST(BandwidthPlan, KnowsTheReferencesNumbersOnEveryArchitecture) {
  EXPECT_TRUE(is_bucket_of(make_bucket(kKubernetes, kTicks), kKubernetes, kTicks));
  // 2147483640 us wrap to 3489660 thousand ticks less 2^32 times 7; the limit fits.
  const std::uint32_t wrapped = static_cast<std::uint32_t>(33554431875ULL);
  EXPECT_TRUE(is_bucket_of({125000, wrapped, 268438580}, kKubernetes, kTicks));
  EXPECT_TRUE(is_bucket_of({125000, kMost, 268438580}, kKubernetes, kTicks));
}

TEST(BandwidthPlan, KnowsOtherNumbersAsOthers) {
  const Limit limit{1000000, 100000};
  const net::TokenBucket bucket = make_bucket(limit, kTicks);
  EXPECT_TRUE(is_bucket_of(bucket, limit, kTicks));
  EXPECT_FALSE(is_bucket_of({bucket.rate + 1, bucket.buffer, bucket.limit}, limit, kTicks));
  EXPECT_FALSE(is_bucket_of({bucket.rate, bucket.buffer + 1, bucket.limit}, limit, kTicks));
  EXPECT_FALSE(is_bucket_of({bucket.rate, bucket.buffer, bucket.limit + 1}, limit, kTicks));
}

TEST(BandwidthPlan, NamesTheIfbAsTheReferenceDoes) {
  const auto names = ifb_names({"tnet", "cid1", "eth0"});
  EXPECT_EQ(names[0], "bwpf67e00a966f2");
  EXPECT_EQ(names[0], ifb_names({"tnet", "cid1", "eth1"})[0]);
  EXPECT_NE(names[1], ifb_names({"tnet", "cid1", "eth1"})[1]);
  for (const std::string& name : names) EXPECT_TRUE(is_ifb_name(name));
  for (const char* name : {"bwp", "bwpf67e00a966f", "bwpF67e00a966f2", "ifb67e00a966f21"})
    EXPECT_FALSE(is_ifb_name(name)) << name;
}

TEST(BandwidthPlan, MarksAnIfbWithItsOwnerAndTime) {
  using namespace std::chrono_literals;
  const firewall::Owner owner{"net1", "c1", "eth@0"};
  const std::string mark = mark_of(owner, 12345us);
  EXPECT_EQ(mark, "plumb-bandwidth:net1/c1/eth@0@12345");
  EXPECT_TRUE(is_mark(mark));
  EXPECT_TRUE(mark.starts_with(mark_prefix("net1")));
  EXPECT_FALSE(mark.starts_with(mark_prefix("net")));
  EXPECT_EQ(identity_of(mark), identity_of(mark_of(owner, 9s)));
  EXPECT_NE(identity_of(mark), identity_of(mark_of({"net1", "c1", "eth1"}, 12345us)));
  EXPECT_EQ(find_time(mark), 12345us);
  EXPECT_EQ(find_time("plumb-bandwidth:net1/c1/eth0"), std::nullopt);
  EXPECT_EQ(find_time("plumb-bandwidth:net1/c1/eth0@soon"), std::nullopt);
}

// The kernel takes 255 bytes.
TEST(BandwidthPlan, ShortensMarksOfLongNames) {
  const std::string longest(300, 'a');
  EXPECT_LE(mark_of({longest, longest, "eth0"}, std::chrono::hours(24 * 365)).size(), 255u);
}

}  // namespace
}  // namespace bandwidth
