// SPDX-License-Identifier: Apache-2.0
#include <utility>

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
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class EtcdRegistration : public testing::Test {
 protected:
  EtcdRegistration() { server.put(kNetwork + "/config", kFlannelVxlan); }
  /// The key of a node with one range: `10.5.1.0-24`.
  static std::string key_of(const Node& node) {
    std::string key = node.own_ranges();
    key.replace(key.find('/'), 1, "-");
    return key;
  }

  EtcdServer server;
  Node node{server.url(), "10.0.0.1"};
};

TEST_F(EtcdRegistration, WritesARecordThatFlannelReads) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_THAT(server.keys(), ElementsAre(key_of(node)));
  EXPECT_EQ(server.value_of(kSubnets + key_of(node)),
            R"({"PublicIP":"10.0.0.1","PublicIPv6":null,"BackendType":"vxlan",)"
            R"("BackendData":{"VNI":1,"VtepMAC":"02:76:0a:00:00:01"},)"
            R"("Plumb":{"Name":"node-10.0.0.1"}})");
  EXPECT_NE(server.number_of(kSubnets + key_of(node), "lease"), 0);
  EXPECT_THAT(server.ctl("lease list"), HasSubstr("found 1 leases"));
}

TEST_F(EtcdRegistration, ClaimsNothingBeforeItHasAnAddress) {
  const auto address = std::exchange(node.config.addresses, {});
  node.start();
  ASSERT_TRUE(node.wait_for([&] { return node.source().status().in_sync; })) << node.state();
  EXPECT_THAT(node.state(), HasSubstr("waiting for this node's address"));
  EXPECT_THAT(server.keys(), IsEmpty());
  node.source().publish({.name = node.config.node_name, .addresses = address});
  EXPECT_TRUE(node.wait_for_range()) << node.state();
}

TEST_F(EtcdRegistration, TakesOverTheRangeOfTheFlannelThatRanHere) {
  server.put(
      kSubnets + "10.5.52.0-24", flannel_record("10.0.0.1"), "--lease=" + [&] {
        const std::string grant =
            server.ctl("lease grant 3600");  // lease 32695410dcc0ca06 granted...
        return grant.substr(6, grant.find(' ', 6) - 6);
      }());
  node.start();
  ASSERT_TRUE(node.wait_for([&] {
    return server.value_of(kSubnets + "10.5.52.0-24").find("Plumb") != std::string::npos;
  })) << node.state();
  ASSERT_TRUE(node.wait_for_range());
  EXPECT_EQ(node.own_ranges(), "10.5.52.0/24");
  EXPECT_THAT(server.keys(), ElementsAre("10.5.52.0-24"));
  // L4: and its MAC, which the others send to; also after a restart.
  for (int run = 0; run < 2; ++run) {
    EXPECT_THAT(server.value_of(kSubnets + "10.5.52.0-24"), HasSubstr("c6:d2:32:6f:8f:44"));
    EXPECT_EQ(node.snapshot().nodes.at(0).mac, base::Mac::parse("c6:d2:32:6f:8f:44"));
    node.start();
    ASSERT_TRUE(node.wait_for_range());
  }
}

TEST_F(EtcdRegistration, KeepsAReservationWithoutALease) {
  server.put(kSubnets + "10.5.52.0-24", R"({"PublicIP":"10.0.0.1"})");
  server.put(kSubnets + "10.5.53.0-24", R"({"PublicIP":"10.0.0.9"})");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_EQ(node.own_ranges(), "10.5.52.0/24");
  const std::string key = kSubnets + "10.5.52.0-24";
  EXPECT_TRUE(node.wait_for([&] {
    return server.value_of(key).find("node-10.0.0.1") != std::string::npos;
  })) << server.value_of(key);
  EXPECT_EQ(server.number_of(key, "lease"), 0);
  EXPECT_EQ(node.snapshot().nodes.size(), 1u) << "no node has the other one yet";
}

TEST_F(EtcdRegistration, LeavesRangesThatOthersHold) {
  server.put(kNetwork + "/config", R"({"Network":"10.5.0.0/22"})");
  server.put(kSubnets + "10.5.1.0-24", R"({"PublicIP":"10.0.0.9"})");
  server.put(kSubnets + "10.5.2.128-25", "no record at all");
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_EQ(node.own_ranges(), "10.5.3.0/24");
  Node second(server.url(), "10.0.0.2");
  second.start();
  ASSERT_TRUE(second.wait_for([&] { return !second.problems().empty(); }));
  ASSERT_TRUE(second.wait_for([&] {
    return second.problems().find("no range is free in 10.5.0.0/22 (ranges of /24)") !=
           std::string::npos;
  })) << second.problems();
  EXPECT_THAT(second.state(), HasSubstr("no range is free"));
  server.remove(kSubnets + "10.5.2.128-25");
  ASSERT_TRUE(second.wait_for_range()) << second.state();
  EXPECT_EQ(second.own_ranges(), "10.5.2.0/24");
  EXPECT_THAT(second.problems(), Not(HasSubstr("no range is free")));
}

TEST_F(EtcdRegistration, WritesNothingWhenItIsStartedAgain) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const std::string ranges = node.own_ranges(), key = kSubnets + key_of(node);
  const long revision = server.number_of(key, "mod_revision");
  const long lease = server.number_of(key, "lease");
  node.start();
  ASSERT_TRUE(node.wait_for([&] {
    return node.state().find("; range " + ranges) != std::string::npos;
  })) << node.state();
  EXPECT_EQ(node.own_ranges(), ranges);
  EXPECT_EQ(server.number_of(key, "mod_revision"), revision);
  EXPECT_EQ(server.number_of(key, "lease"), lease);
}

TEST_F(EtcdRegistration, AsksForTheRangeOnDiskFirst) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const std::string ranges = node.own_ranges(), key = kSubnets + key_of(node);
  server.remove(key);
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_EQ(node.own_ranges(), ranges);
}

TEST_F(EtcdRegistration, PublishesChangesOfTheNode) {
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  const std::string key = kSubnets + key_of(node);
  const long lease = server.number_of(key, "lease");
  fabric::Node self{.name = node.config.node_name,
                    .addresses = {base::IpAddress::parse("10.0.0.77").value()},
                    .mac = base::Mac::parse("02:00:00:00:00:77"),
                    .backend = fabric::Backend::host_gw};
  node.source().publish(self);
  ASSERT_TRUE(node.wait_for([&] {
    return server.value_of(key) ==
           R"({"PublicIP":"10.0.0.77","PublicIPv6":null,"BackendType":"host-gw",)"
           R"("Plumb":{"Name":"node-10.0.0.1","Backend":"host-gw"}})";
  })) << server.value_of(key);
  EXPECT_EQ(server.number_of(key, "lease"), lease);
  EXPECT_THAT(server.keys(), ElementsAre(key_of(node)));
}

TEST_F(EtcdRegistration, HoldsAPinnedRangeOrNamesItsHolder) {
  server.put(kSubnets + "10.5.52.0-24", flannel_record("10.0.0.2"));
  node.config.ranges = {base::Prefix::parse("10.5.52.0/25").value()};
  node.start();
  ASSERT_TRUE(node.wait_for([&] { return !node.problems().empty(); })) << node.state();
  EXPECT_EQ(node.problems(),
            "configuration: range 10.5.52.0/25 is held by node \"10.0.0.2\" (10.0.0.2)\n");
  server.remove(kSubnets + "10.5.52.0-24");
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  EXPECT_THAT(server.keys(), ElementsAre("10.5.52.0-25"));
}

TEST_F(EtcdRegistration, DoesNotShareTheRangeOfANamesake) {
  Node namesake(server.url(), "10.0.0.2");
  namesake.config.node_name = node.config.node_name;
  node.start();
  ASSERT_TRUE(node.wait_for_range()) << node.state();
  namesake.start();
  ASSERT_TRUE(namesake.wait_for([&] {
    return namesake.problems().find("is called \"node-10.0.0.1\", too") != std::string::npos;
  })) << namesake.problems();
  EXPECT_NE(namesake.own_ranges(), node.own_ranges());
  EXPECT_EQ(server.keys().size(), 2u);
}

}  // namespace
