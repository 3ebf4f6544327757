// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::etcd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

class EtcdMerge : public testing::Test {
 protected:
  void put(const std::string& key, const fabric::Node& node) {
    view.put({.key = "/n/subnets/" + key,
              .value = record_of(node, {}),
              .mod_revision = ++revision,
              .lease = 7});
  }
  void put_flannel(const std::string& key, const std::string& at) {
    view.put({.key = "/n/subnets/" + key,
              .value = R"({"PublicIP":")" + at + R"(","BackendType":"host-gw"})",
              .mod_revision = ++revision,
              .lease = 7});
  }
  Snapshot merge(const std::optional<fabric::Node>& self = {}) const {
    return make_snapshot(view, identity, self);
  }
  static std::vector<std::string> texts(const Snapshot& snapshot) {
    std::vector<std::string> result;
    for (const fabric::Node& node : snapshot.nodes) {
      std::string text = node.name;
      for (const auto& range : node.ranges) text += " " + range.text();
      result.push_back(text);
    }
    return result;
  }

  View view{"/n", {}};
  Identity identity{.name = "node-b", .addresses = {address("10.0.0.2")}};
  std::int64_t revision = 0;
};

TEST_F(EtcdMerge, SortsNodesByNameAndJoinsTheRangesOfOne) {
  put("10.5.1.0-24", {.name = "node-c", .addresses = {address("10.0.0.3")}});
  put("10.5.2.0-24", {.name = "node-a", .addresses = {address("10.0.0.1")}});
  put("10.5.3.0-24&fc00::-64", {.name = "node-a", .addresses = {address("10.0.0.1")}});
  EXPECT_THAT(texts(merge()),
              ElementsAre("node-a 10.5.3.0/24 fc00::/64 10.5.2.0/24", "node-c 10.5.1.0/24"));
}

TEST_F(EtcdMerge, TakesTheNewerRecordOfAMovedNode) {
  put("10.5.1.0-24", {.name = "node-a", .addresses = {address("10.0.0.1")}});
  put("10.5.2.0-24", {.name = "node-a", .addresses = {address("10.0.0.9")}});
  const Snapshot snapshot = merge();
  EXPECT_THAT(texts(snapshot), ElementsAre("node-a 10.5.2.0/24"));
  EXPECT_THAT(snapshot.problems, ElementsAre(HasSubstr("is at 10.0.0.9 and at 10.0.0.1")));
}

TEST_F(EtcdMerge, PrefersTheNodesOwnStateOverItsRecords) {
  put("10.5.1.0-24", {.name = "node-b", .addresses = {address("10.0.0.2")}});
  put("10.5.2.0-24", {.name = "node-a", .addresses = {address("10.0.0.1")}});
  EXPECT_THAT(texts(merge()), ElementsAre("node-a 10.5.2.0/24", "node-b 10.5.1.0/24"));
  const fabric::Node self{
      .name = "node-b", .addresses = {address("10.0.0.2")}, .ranges = {prefix("10.5.7.0/24")}};
  EXPECT_THAT(texts(merge(self)), ElementsAre("node-a 10.5.2.0/24", "node-b 10.5.7.0/24"));
  put_flannel("10.5.3.0-24", "10.0.0.2");
  EXPECT_THAT(texts(merge(self)),
              ElementsAre("node-a 10.5.2.0/24", "node-b 10.5.7.0/24 10.5.3.0/24"));
}

TEST_F(EtcdMerge, TakesAFlannelRecordOfThisAddressForThisNode) {
  put_flannel("10.5.1.0-24", "10.0.0.2");
  put_flannel("10.5.2.0-24", "10.0.0.1");
  const Snapshot snapshot = merge();
  EXPECT_THAT(texts(snapshot), ElementsAre("10.0.0.1 10.5.2.0/24", "node-b 10.5.1.0/24"));
  EXPECT_THAT(snapshot.problems, IsEmpty());
}

/// L6: each pair goes one way, so what flannel's nodes do is known from the network's description.
TEST_F(EtcdMerge, FlannelsNodesGoDirectWhereTheNetworkSaysSo) {
  view.put({.key = "/n/subnets/10.5.2.0-24",
            .value = R"({"PublicIP":"10.0.0.1","BackendType":"vxlan",)"
                     R"("BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}})",
            .mod_revision = ++revision});
  put_flannel("10.5.3.0-24", "10.0.0.3");
  put("10.5.4.0-24",
      {.name = "own", .addresses = {address("10.0.0.4")}, .backend = fabric::Backend::vxlan});
  const auto backends = [&](const std::string& direct) {
    view.put({.key = "/n/config",
              .value = R"({"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","DirectRouting":)" +
                       direct + "}}",
              .mod_revision = ++revision});
    std::vector<fabric::Backend> found;
    for (const fabric::Node& node : merge().nodes) found.push_back(node.backend.value());
    return found;
  };
  using fabric::Backend;
  EXPECT_THAT(backends("false"), ElementsAre(Backend::vxlan, Backend::host_gw, Backend::vxlan));
  EXPECT_THAT(backends("true"), ElementsAre(Backend::automatic, Backend::host_gw, Backend::vxlan));
}

// Rule (g): not the last one by name.
TEST_F(EtcdMerge, TheNewestOfSeveralRecordsIsThisNodeBeforeItKnowsItsRange) {
  put("10.5.9.0-24", {.name = "node-b", .addresses = {address("10.0.0.2")}});
  put("10.5.1.0-24", {.name = "node-b", .addresses = {address("10.0.0.2")}});
  EXPECT_THAT(texts(merge()), ElementsAre("node-b 10.5.1.0/24"));
  put("10.5.5.0-24", {.name = "node-b", .addresses = {address("10.0.0.2")}});
  EXPECT_THAT(texts(merge()), ElementsAre("node-b 10.5.5.0/24"));
}

TEST_F(EtcdMerge, LeavesOutANodeOfTheSameNameElsewhere) {
  put("10.5.1.0-24", {.name = "node-b", .addresses = {address("10.0.0.9")}});
  const fabric::Node self{
      .name = "node-b", .addresses = {address("10.0.0.2")}, .ranges = {prefix("10.5.7.0/24")}};
  const Snapshot snapshot = merge(self);
  EXPECT_THAT(texts(snapshot), ElementsAre("node-b 10.5.7.0/24"));
  EXPECT_THAT(snapshot.problems, ElementsAre(HasSubstr("another node at 10.0.0.9 is called")));
}

}  // namespace
}  // namespace agent::etcd
