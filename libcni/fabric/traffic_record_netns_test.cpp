// SPDX-License-Identifier: Apache-2.0
#include <linux/magic.h>
#include <sys/vfs.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/apply.h"
#include "libcni/fabric/traffic_record.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using test::output_of;
using ::testing::IsEmpty;

constexpr const char* kTmpfs = "/dev/shm";

bool is_tmpfs(const std::string& path) {
  struct statfs system {};
  return ::statfs(path.c_str(), &system) == 0 && system.f_type == TMPFS_MAGIC;
}

base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}

Desired example() {
  return {.scope = "alone",
          .traffic = Traffic{.own_ranges = {prefix("10.22.0.0/24"), prefix("fd00:22::/64")},
                             .cluster_ranges = {prefix("10.22.0.0/16"), prefix("fd00:22::/48")},
                             .no_masquerade = {prefix("198.51.100.0/24")},
                             .vxlan_ports = {4789},
                             .vnis = {1},
                             .vteps = {base::IpAddress::parse("192.0.2.2").value()}}};
}

class FabricRecord : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_tmpfs(kTmpfs)) GTEST_SKIP() << kTmpfs << " is not a tmpfs";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void apply_it(const Desired& desired) { EXPECT_THAT(apply(netlink_, desired).errors, IsEmpty()); }
  /// The report of a diff() with the record.
  std::size_t look(const Desired& desired) { return diff(netlink_, desired, folder_).changed; }
  bool holds(const Desired& desired, const std::string& folder) {
    nft::Nft nft;
    return TrafficRecord(nft, folder, desired.scope, desired.traffic).holds();
  }
  bool holds(const Desired& desired) { return holds(desired, folder_); }

  test::TestHost host_;
  net::Netlink netlink_;
  std::string folder_ = std::string(kTmpfs) + "/plumb-test-XXXXXX";
};

TEST_F(FabricRecord, HoldsAfterALookThatFoundEverythingRight) {
  EXPECT_GT(look(example()), 0u);
  EXPECT_FALSE(holds(example()));
  apply_it(example());
  EXPECT_FALSE(holds(example()));
  EXPECT_EQ(look(example()), 0u);
  EXPECT_TRUE(holds(example()));
  EXPECT_EQ(look(example()), 0u);
}

TEST_F(FabricRecord, EndsWithEveryChangeInNfTables) {
  apply_it(example());
  EXPECT_EQ(look(example()), 0u);
  const std::string table = output_of("nft list tables inet | grep -o 'plumb_.*' | tr -d '\\n'");
  for (const std::string& damage :
       {"nft flush chain inet " + table + " postrouting", "nft delete table inet " + table,
        "nft add rule inet " + table + " output drop",
        "nft add element inet " + table + " vteps4 { 203.0.113.9 }",
        "nft flush set inet " + table + " own4", std::string("nft flush ruleset"),
        std::string("iptables-nft -P FORWARD DROP"), std::string("iptables-nft -F FORWARD")}) {
    ASSERT_TRUE(holds(example())) << damage;
    EXPECT_EQ(output_of(damage), "");
    EXPECT_FALSE(holds(example())) << damage;
    EXPECT_GT(look(example()), 0u) << damage;
    EXPECT_GT(look(example()), 0u) << "what was found wrong was recorded: " << damage;
    apply_it(example());
    EXPECT_EQ(look(example()), 0u) << damage;
  }
  output_of("nft add table ip somebody_elses");
  EXPECT_FALSE(holds(example()));
  EXPECT_EQ(look(example()), 0u);
  EXPECT_TRUE(holds(example()));
}

TEST_F(FabricRecord, HoldsOverOwnTransactionsOnly) {
  const auto commit = [](const char* table) {
    nft::Batch batch({nft::Family::inet, table});
    batch.ensure_table({});
    nft::Nft().commit(batch);
  };
  apply_it(example());
  EXPECT_EQ(look(example()), 0u);
  OwnTransactions own(folder_, "alone");
  commit("pod_1");
  commit("pod_2");
  EXPECT_FALSE(holds(example()));
  own.keep_record();
  EXPECT_TRUE(holds(example()));
  own.keep_record();
  EXPECT_TRUE(holds(example()));
  OwnTransactions disturbed(folder_, "alone");
  output_of("nft add table ip another_programs");
  commit("pod_3");
  disturbed.keep_record();
  EXPECT_FALSE(holds(example()));
}

TEST_F(FabricRecord, HoldsForTheSameTrafficOnly) {
  apply_it(example());
  EXPECT_EQ(look(example()), 0u);
  const auto differs = [&](const std::function<void(Desired&)>& change) {
    Desired other = example();
    change(other);
    return !holds(other) && look(other) > 0;
  };
  EXPECT_TRUE(differs([](Desired& it) { it.scope = "another"; }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic->own_ranges.pop_back(); }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic->cluster_ranges.pop_back(); }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic->no_masquerade.clear(); }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic->vteps.clear(); }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic->vnis = {2}; }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic->masquerade = false; }));
  EXPECT_TRUE(differs([](Desired& it) { it.traffic.reset(); }));
  EXPECT_TRUE(holds(example())) << "looks that found something wrong recorded it";
}

TEST_F(FabricRecord, HoldsInOneNamespaceOnly) {
  apply_it(example());
  EXPECT_EQ(look(example()), 0u);
  const std::uint32_t generation = nft::Nft().generation();
  base::Netns::create().run([&] {
    net::Netlink there;
    nft::Nft nft;
    for (int i = 0; nft.generation() < generation; ++i)
      output_of("nft add table ip filler" + std::to_string(i));
    ASSERT_EQ(nft.generation(), generation);
    EXPECT_FALSE(holds(example()));
    EXPECT_GT(diff(there, example(), folder_).changed, 0u);
  });
  EXPECT_TRUE(holds(example()));
}

TEST_F(FabricRecord, DoesNotHoldWhenMissingOrIncomplete) {
  apply_it(example());
  EXPECT_EQ(look(example()), 0u);
  for (const auto& file : std::filesystem::directory_iterator(folder_))
    std::filesystem::resize_file(file, 7);
  EXPECT_FALSE(holds(example()));
  EXPECT_EQ(look(example()), 0u);
  EXPECT_TRUE(holds(example()));
  std::filesystem::remove_all(folder_);
  EXPECT_FALSE(holds(example()));
  EXPECT_EQ(look(example()), 0u);
}

TEST_F(FabricRecord, IsKeptOnATmpfsOnly) {
  const test::TempDir disk;
  if (is_tmpfs(disk.path())) GTEST_SKIP() << disk.path() << " is on a tmpfs";
  apply_it(example());
  EXPECT_EQ(diff(netlink_, example(), disk.path()).changed, 0u);
  EXPECT_FALSE(holds(example(), disk.path()));
}

}  // namespace
}  // namespace fabric
