// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/etcd/etcd_server.h"
#include "tests/etcd/node.h"

namespace {

using test::EtcdServer;
using test::flannel_record;
using test::kFlannelVxlan;
using test::kNetwork;
using test::kSubnets;
using test::Node;
using testing::AllOf;
using testing::HasSubstr;

class EtcdFaults : public testing::Test {
 protected:
  EtcdFaults() { server.put(kNetwork + "/config", kFlannelVxlan); }
  void put_node(const std::string& key, const std::string& address) {
    server.put(kSubnets + key, flannel_record(address));
  }
  std::string key_of(const Node& of) const {
    std::string key = of.own_ranges();
    key.replace(key.find('/'), 1, "-");
    return kSubnets + key;
  }
  /// While the node does nothing, as if its machine were suspended.
  void wait_until_gone(const std::string& key) {
    const auto end = std::chrono::steady_clock::now() + Node::kPatience;
    while (!server.value_of(key).empty() && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
  }

  EtcdServer server;
  Node node{server.url(), "10.0.0.1"};
};

TEST_F(EtcdFaults, FollowsNodesThatComeChangeAndGo) {
  put_node("10.5.2.0-24", "10.0.0.2");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_EQ(node.ranges_of("10.0.0.2"), "10.5.2.0/24");
  put_node("10.5.3.0-24", "10.0.0.3");
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.3"); }));
  server.put(kSubnets + "10.5.3.0-24", R"({"PublicIP":"10.0.0.3","BackendType":"host-gw"})");
  ASSERT_TRUE(node.wait_for([&] {
    return std::ranges::any_of(node.snapshot().nodes, [](const fabric::Node& other) {
      return other.name == "10.0.0.3" && other.backend == fabric::Backend::host_gw;
    });
  }));
  server.remove(kSubnets + "10.5.3.0-24");
  ASSERT_TRUE(node.wait_for([&] { return !node.has("10.0.0.3"); }));
  EXPECT_TRUE(node.has("10.0.0.2"));
  EXPECT_EQ(node.source().status().relists, 0u);
}

TEST_F(EtcdFaults, ReadsFlannelsNetwork) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const agent::NetworkDefaults& network = node.snapshot().network;
  EXPECT_EQ(network.cluster_ranges, std::vector{base::Prefix::parse("10.5.0.0/16").value()});
  EXPECT_EQ(network.backend, fabric::Backend::vxlan);
  EXPECT_EQ(network.port, 8472);
}

TEST(EtcdLog, SaysWhyThereIsNoListYet) {
  Node node{"http://127.0.0.1:1", "10.0.0.1"};
  testing::internal::CaptureStderr();
  node.start();
  const bool reported = node.wait_for_state("retry in ");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(reported) << node.state();
  EXPECT_THAT(log,
              AllOf(HasSubstr("warning: etcd: "), HasSubstr("http://127.0.0.1:1/v3/kv/range")));
}

TEST_F(EtcdFaults, SaysThatThereIsNoNetworkAndGoesOnWhenThereIs) {
  server.remove(kNetwork + "/config");
  node.start();
  ASSERT_TRUE(node.wait_for_problem("nor key \"/coreos.com/network/config\" names one"));
  server.put(kNetwork + "/config", "{");
  ASSERT_TRUE(node.wait_for_problem("/coreos.com/network/config: ")) << node.problems();
  server.put(kNetwork + "/config", kFlannelVxlan);
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_EQ(node.problems(), "");
}

TEST_F(EtcdFaults, LeavesOutRecordsThatItCannotReadAndNamesThem) {
  server.put(kSubnets + "10.5.7.0-24", R"({"PublicIP":"10.0.0","BackendType":"vxlan"})");
  server.put(kSubnets + "ten-five", "{}");
  put_node("10.5.2.0-24", "10.0.0.2");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_TRUE(node.has("10.0.0.2"));
  EXPECT_THAT(node.problems(),
              AllOf(HasSubstr("\"/coreos.com/network/subnets/10.5.7.0-24\": key \"PublicIP\" must "
                              "be an address, not \"10.0.0\""),
                    HasSubstr("key \"/coreos.com/network/subnets/ten-five\" must end in ranges")));
  put_node("10.5.7.0-24", "10.0.0.7");
  server.remove(kSubnets + "ten-five");
  ASSERT_TRUE(node.wait_for([&] { return node.problems().empty(); })) << node.problems();
  EXPECT_TRUE(node.has("10.0.0.7"));
}

TEST_F(EtcdFaults, ListsPageByPage) {
  server.put(kNetwork + "/config", R"({"Network":"10.0.0.0/8"})");
  for (int batch = 0; batch < 3; ++batch) {
    std::string txn;
    for (int i = 0; i < 120; ++i)
      for (int part = 0; part < 4; ++part)
        txn += "put " + kSubnets + "10." + std::to_string(10 + batch) + "." + std::to_string(i) +
               "." + std::to_string(part * 64) + "-26 \"{\\\"PublicIP\\\":\\\"172.16." +
               std::to_string(batch * 4 + part) + "." + std::to_string(i) +
               "\\\",\\\"BackendType\\\":\\\"host-gw\\\"}\"\n";
    std::size_t start = 0;
    // A transaction of etcd's takes at most 128 operations.
    for (int chunk = 0; chunk < 4; ++chunk) {
      std::size_t end = start;
      for (int line = 0; line < 120; ++line) end = txn.find('\n', end) + 1;
      const std::string file =
          node.state_dir.file("txn", "\n" + txn.substr(start, end - start) + "\n\n");
      server.ctl("txn --interactive=false < " + file);
      start = end;
    }
  }
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_EQ(node.snapshot().nodes.size(), 3u * 480 + 1);
  EXPECT_EQ(node.problems(), "");
}

TEST_F(EtcdFaults, KeepsTheSnapshotWhileTheServerIsKilledAndComesBack) {
  put_node("10.5.2.0-24", "10.0.0.2");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const agent::Snapshot before = node.snapshot();
  const int changes = node.changes();
  server.kill();
  ASSERT_TRUE(node.wait_for_state("retry in "));
  ASSERT_TRUE(node.wait_for_state("Connection refused")) << node.state();
  EXPECT_FALSE(node.source().status().in_sync);
  EXPECT_EQ(node.snapshot(), before);
  server.start();
  put_node("10.5.3.0-24", "10.0.0.3");
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.3"); })) << node.state();
  EXPECT_TRUE(node.source().status().in_sync);
  EXPECT_EQ(node.changes(), changes + 1);
  EXPECT_EQ(node.source().status().relists, 0u) << "the watch goes on where it ended";
  EXPECT_EQ(node.own_ranges() + "\n", [&] {
    std::string own;
    for (const fabric::Node& member : before.nodes)
      if (member.name == node.config.node_name) own = member.ranges.front().text() + "\n";
    return own;
  }());
}

TEST_F(EtcdFaults, ListsAgainWhenTheHistoryWasCompacted) {
  put_node("10.5.2.0-24", "10.0.0.2");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  server.kill();
  ASSERT_TRUE(node.wait_for_state("retry in "));
  server.start();
  server.remove(kSubnets + "10.5.2.0-24");
  put_node("10.5.3.0-24", "10.0.0.3");
  const long revision = server.number_of(kSubnets + "10.5.3.0-24", "mod_revision");
  server.ctl("compaction " + std::to_string(revision));
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.3"); })) << node.state();
  EXPECT_FALSE(node.has("10.0.0.2"));
  EXPECT_EQ(node.source().status().relists, 1u);
}

TEST_F(EtcdFaults, RegistersAgainInAStoreThatLostEverything) {
  for (int i = 0; i < 20; ++i) put_node("10.5.2.0-24", "10.0.0.2");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const std::string ranges = node.own_ranges();
  server.kill();
  ASSERT_TRUE(node.wait_for_state("retry in "));
  server.lose_data();
  server.start();
  server.put(kNetwork + "/config", kFlannelVxlan);
  ASSERT_TRUE(node.wait_for([&] { return !node.has("10.0.0.2"); })) << node.state();
  ASSERT_TRUE(node.wait_for([&] { return server.keys().size() == 1; })) << node.state();
  EXPECT_EQ(node.own_ranges(), ranges);
}

TEST_F(EtcdFaults, GoesToAnotherEndpoint) {
  node.config.etcd.endpoints = {"http://127.0.0.1:1", server.url() + "/"};
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
}

TEST_F(EtcdFaults, LeavesAFrozenServerThatDoesNotRenewTheLease) {
  node.config.etcd.lease_seconds = 6;
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  server.signal(SIGSTOP);
  ASSERT_TRUE(node.wait_for([&] { return !node.source().status().in_sync; }));
  EXPECT_THAT(node.state(), HasSubstr("etcd does not answer"));
  server.signal(SIGCONT);
  ASSERT_TRUE(node.wait_for([&] { return node.source().status().in_sync; })) << node.state();
  EXPECT_TRUE(node.wait_for_range()) << node.state();
}

TEST_F(EtcdFaults, KeepsItsLeaseAlive) {
  node.config.etcd.lease_seconds = 2;
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const long revision = server.number_of(key_of(node), "mod_revision");
  EXPECT_FALSE(node.wait_for([&] { return node.own_ranges().empty(); }, std::chrono::seconds(5)));
  EXPECT_EQ(server.number_of(key_of(node), "mod_revision"), revision);
}

TEST_F(EtcdFaults, TakesTheSameRangeAgainAfterItsLeaseRanOut) {
  node.config.etcd.lease_seconds = 2;
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const std::string ranges = node.own_ranges(), key = key_of(node);
  bool always_there = true;
  wait_until_gone(key);
  ASSERT_EQ(server.value_of(key), "");
  ASSERT_TRUE(node.wait_for([&] {
    always_there = always_there && node.own_ranges() == ranges;
    return !server.value_of(key).empty();
  })) << node.state();
  EXPECT_TRUE(always_there) << "its own pods are served all the time";
  EXPECT_EQ(node.own_ranges(), ranges);
  EXPECT_EQ(node.problems(), "");
}

TEST_F(EtcdFaults, ReportsThatItTakesAnotherRangeWhenItsOwnWasTaken) {
  node.config.etcd.lease_seconds = 2;
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const std::string ranges = node.own_ranges(), key = key_of(node);
  wait_until_gone(key);
  server.put(key, flannel_record("10.0.0.66"));
  ASSERT_TRUE(node.wait_for([&] {
    return node.has("10.0.0.66") && !node.own_ranges().empty() && node.own_ranges() != ranges;
  })) << node.state();
  EXPECT_EQ(node.problems(), "range " + ranges +
                                 " of this node was taken when its lease had run out, by node "
                                 "\"10.0.0.66\" (10.0.0.66): pods with its addresses are cut "
                                 "off\n");
  server.remove(key);
  EXPECT_TRUE(node.wait_for([&] { return node.problems().empty(); })) << node.problems();
}

TEST_F(EtcdFaults, KeepsItsNetworkWhenTheDescriptionIsDamagedOrRemoved) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const agent::NetworkDefaults network = node.snapshot().network;
  ASSERT_FALSE(network.cluster_ranges.empty());
  server.put(kNetwork + "/config", "{garbage");
  ASSERT_TRUE(node.wait_for_problem("its previous value stays in force")) << node.problems();
  EXPECT_EQ(node.snapshot().network, network);
  server.remove(kNetwork + "/config");
  ASSERT_TRUE(node.wait_for_problem("/config\" is gone")) << node.problems();
  EXPECT_EQ(node.snapshot().network, network);
  server.kill();
  server.lose_data();
  server.start();
  ASSERT_TRUE(node.wait_for([&] { return node.source().status().relists > 0; })) << node.state();
  EXPECT_EQ(node.snapshot().network, network);
  EXPECT_TRUE(node.wait_for([&] { return server.keys().size() == 1; })) << node.state();
  server.put(kNetwork + "/config", kFlannelVxlan);
  EXPECT_TRUE(node.wait_for([&] { return node.problems().empty(); })) << node.problems();
}

}  // namespace
