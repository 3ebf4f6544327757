// SPDX-License-Identifier: Apache-2.0
#include "agent/source/cache.h"

#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace agent {
namespace {

Snapshot sample() {
  Snapshot snapshot;
  snapshot.nodes.push_back(
      {.name = "a",
       .addresses = {*base::IpAddress::parse("192.0.2.1"), *base::IpAddress::parse("2001:db8::1")},
       .ranges = {*base::Prefix::parse("10.1.1.0/24")},
       .mac = base::Mac::parse("02:76:00:00:00:01"),
       .backend = fabric::Backend::host_gw,
       .as_number = 64600,
       .labels = {{"rack", "one"}}});
  snapshot.services.push_back({.name = "default/web",
                               .cluster_ips = {*base::IpAddress::parse("10.96.0.10")},
                               .local_policy = true,
                               .internal_local_policy = true,
                               .endpoint_nodes = {"a"}});
  return snapshot;
}

TEST(SnapshotCache, ReadsBackWhatItPrinted) {
  EXPECT_EQ(parse_snapshot(print_snapshot(sample()), "x"), sample());
  EXPECT_EQ(parse_snapshot(print_snapshot({}), "x"), Snapshot{});
}

TEST(SnapshotCache, RefusesDamageAndOtherVersions) {
  const std::string text = print_snapshot(sample());
  EXPECT_THROW(parse_snapshot(text.substr(0, text.size() / 2), "x"), cni::Error);
  EXPECT_THROW(parse_snapshot(R"({"version": 2, "nodes": []})", "x"), cni::Error);
}

TEST(SnapshotCache, WritesOnItsOwnThreadAndLoadsAgain) {
  const test::TempDir dir;
  Loop loop;
  const Snapshot snapshot = sample();
  SnapshotCache cache(dir.path(), loop);
  EXPECT_FALSE(cache.load());
  cache.save_soon([&]() -> const Snapshot& { return snapshot; });
  const auto end = Loop::Clock::now() + std::chrono::seconds(10);
  while (!base::find_file(dir.path() + "/snapshot.json") && Loop::Clock::now() < end)
    loop.turn(std::chrono::milliseconds(10));
  EXPECT_EQ(cache.load(), snapshot);
}

TEST(SnapshotCache, FlushWritesWhatStillWaits) {
  const test::TempDir dir;
  Loop loop;
  Snapshot snapshot = sample();
  SnapshotCache cache(dir.path(), loop);
  cache.flush();
  EXPECT_FALSE(cache.load());
  const auto latest = [&]() -> const Snapshot& { return snapshot; };
  cache.save_soon(latest);
  loop.turn(std::chrono::milliseconds(10));
  snapshot.nodes.front().name = "b";
  cache.save_soon(latest);
  cache.flush();
  EXPECT_EQ(cache.load(), snapshot);
}

}  // namespace
}  // namespace agent
