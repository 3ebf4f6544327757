// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/etcd/etcd_server.h"
#include "tests/etcd/node.h"

namespace {

using test::EtcdServer;
using test::Node;

constexpr int kNodes = 50;

/// Starts `count` nodes at once, each on a thread of its own, and returns the ranges that each got;
/// nothing where it got none.
std::vector<std::vector<base::Prefix>> claim_at_once(
    const EtcdServer& server, int count,
    const std::function<void(int, agent::Config&)>& configure) {
  // The source trims the heap after a list. Under ASan that is the first call of glibc's own
  // allocator, which begins unlocked: two threads at once abort in malloc_arena_thread_freeres.
  ::malloc_trim(0);
  std::vector<std::vector<base::Prefix>> got(static_cast<std::size_t>(count));
  std::atomic<int> waiting = count;
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      Node node(server.url(), "10.0.0." + std::to_string(i + 1));
      configure(i, node.config);
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      node.start();
      if (!node.wait_for_range()) return;
      for (const auto& member : node.snapshot().nodes)
        if (member.name == node.config.node_name) got[static_cast<std::size_t>(i)] = member.ranges;
    });
  for (std::thread& thread : threads) thread.join();
  return got;
}

void expect_no_overlap(const std::vector<std::vector<base::Prefix>>& got, std::size_t each) {
  std::vector<base::Prefix> all;
  for (const auto& ranges : got) {
    EXPECT_EQ(ranges.size(), each);
    all.insert(all.end(), ranges.begin(), ranges.end());
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j)
      EXPECT_FALSE(all[i].overlaps(all[j])) << all[i].text() << " and " << all[j].text();
}

// The network has room for 51, so that nodes compete for nearly every range.
TEST(EtcdClaim, FiftyNodesAtOnceGetFiftyRanges) {
  const EtcdServer server;
  server.put(test::kNetwork + "/config",
             R"({"Network":"10.5.0.0/16","SubnetMin":"10.5.1.0","SubnetMax":"10.5.51.0"})");
  expect_no_overlap(claim_at_once(server, kNodes, [](int, agent::Config&) {}), 1);
  EXPECT_EQ(server.keys().size(), std::size_t{kNodes});
}

// Two keys can differ and still share their IPv6 half.
TEST(EtcdClaim, DualStackNodesShareNeitherHalf) {
  const EtcdServer server;
  server.put(test::kNetwork + "/config",
             R"({"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00::/48",)"
             R"("IPv6SubnetMin":"fc00:0:0:1::","IPv6SubnetMax":"fc00:0:0:33::"})");
  expect_no_overlap(claim_at_once(server, kNodes, [](int, agent::Config&) {}), 2);
}

// No two keys need be equal here for ranges to overlap. Room enough for the scattered small ones.
TEST(EtcdClaim, NodesWithRangesOfDifferentSizesDoNotOverlap) {
  const EtcdServer server;
  const auto configure = [](int i, agent::Config& config) {
    config.fabric.cluster_ranges = {base::Prefix::parse("10.5.0.0/18").value()};
    config.range_lengths[AF_INET] = 24 + i % 3;
  };
  expect_no_overlap(claim_at_once(server, kNodes, configure), 1);
}

}  // namespace
