// SPDX-License-Identifier: Apache-2.0
// L1: flannel's nodes keep the FDB entry of a node with plumbd, whatever happens to other keys with
// its address.
#include <map>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libcni/runtime/base64.h"
#include "tests/etcd/etcd_server.h"
#include "tests/etcd/node.h"

namespace {

using nlohmann::json;
using test::EtcdServer;
using test::kFlannelVxlan;
using test::kNetwork;
using test::kSubnets;
using test::Node;

/// Stand-in for a node with flannel, as its vxlan backend treats the events of leases: an added
/// one writes the FDB entry of its MAC, a removed one deletes the entry of its MAC and address,
/// whichever lease that was written for. It goes through the store's history.
class FlannelStandIn {
 public:
  explicit FlannelStandIn(const EtcdServer& server) : server_(server) {}

  /// The revisions after which the entry of `address` was gone, once it had been there.
  std::vector<long> revisions_without(const std::string& address) {
    std::map<long, std::vector<json>> revisions;
    std::istringstream lines(server_.ctl("watch --prefix --rev=1 -w json " + kSubnets +
                                         " & sleep 1; kill $!; wait $! || true #"));
    for (std::string line; std::getline(lines, line);)
      for (const json& event : json::parse(line).value("Events", json::array()))
        revisions[event.at("kv").at("mod_revision")].push_back(event);
    std::vector<long> without;
    bool seen = false;
    for (const auto& [revision, events] : revisions) {
      for (const json& event : events) take(event);
      seen = seen || has(address);
      if (seen && !has(address)) without.push_back(revision);
    }
    return without;
  }
  bool has(const std::string& address) const {
    return std::ranges::any_of(fdb_, [&](const auto& each) { return each.second == address; });
  }

 private:
  void take(const json& event) {
    const std::string key = event.at("kv").at("key");
    if (event.value("type", 0) == 1) {
      const auto [mac, address] = leases_[key];
      if (fdb_[mac] == address) fdb_.erase(mac);
      leases_.erase(key);
      return;
    }
    const json lease =
        json::parse(*runtime::decode_base64(event.at("kv").at("value").get<std::string>()));
    leases_[key] = {lease.at("BackendData").at("VtepMAC"), lease.at("PublicIP")};
    fdb_[leases_[key].first] = leases_[key].second;
  }

  const EtcdServer& server_;
  std::map<std::string, std::pair<std::string, std::string>> leases_;
  std::map<std::string, std::string> fdb_;
};

base::Prefix range(const char* text) {
  return base::Prefix::parse(text).value();
}

class EtcdFlannelPeer : public testing::Test {
 protected:
  EtcdFlannelPeer() { server.put(kNetwork + "/config", kFlannelVxlan); }
  void publish(const std::vector<base::Prefix>& ranges,
               const std::vector<base::Prefix>& former = {}) {
    node.source().publish({.name = node.config.node_name,
                           .addresses = node.config.addresses,
                           .ranges = ranges,
                           .former_ranges = former});
  }
  void start_with(const base::Prefix& own) {
    node.config.ranges = {own};
    node.start();
    ASSERT_TRUE(node.wait_for_range()) << node.state();
  }
  bool wait_for_keys(const std::vector<std::string>& keys) {
    return node.wait_for([&] { return server.keys() == keys; });
  }
  void expect_entry() {
    FlannelStandIn peer(server);
    EXPECT_EQ(peer.revisions_without("10.0.0.1"), std::vector<long>{});
    EXPECT_TRUE(peer.has("10.0.0.1"));
  }

  EtcdServer server;
  Node node{server.url(), "10.0.0.1"};
};

TEST_F(EtcdFlannelPeer, KeepsTheEntryWhenTheRangeOfTheNodeChanges) {
  start_with(range("10.5.52.0/24"));
  start_with(range("10.5.60.0/24"));
  publish({range("10.5.60.0/24")}, {range("10.5.52.0/24")});
  ASSERT_TRUE(wait_for_keys({"10.5.52.0-24", "10.5.60.0-24"}));
  publish({range("10.5.60.0/24")});
  ASSERT_TRUE(wait_for_keys({"10.5.60.0-24"}));
  expect_entry();
}

TEST_F(EtcdFlannelPeer, HasTheEntryAgainWhenAnotherKeyWithTheAddressIsRemoved) {
  // A key of this machine under its former name, which an operator removes.
  const std::string stale =
      R"({"PublicIP":"10.0.0.1","BackendType":"vxlan","BackendData":{"VNI":1,)"
      R"("VtepMAC":"02:76:0a:00:00:01"},"Plumb":{"Name":"old-name"}})";
  server.put(kSubnets + "10.5.9.0-24", stale);
  start_with(range("10.5.52.0/24"));
  const long before = server.number_of(kSubnets + "10.5.52.0-24", "mod_revision");
  server.remove(kSubnets + "10.5.9.0-24");
  EXPECT_TRUE(node.wait_for(
      [&] { return server.number_of(kSubnets + "10.5.52.0-24", "mod_revision") > before; }));
  FlannelStandIn peer(server);
  EXPECT_EQ(peer.revisions_without("10.0.0.1").size(), 1u) << "not for longer than until the event";
  EXPECT_TRUE(peer.has("10.0.0.1"));
}

TEST_F(EtcdFlannelPeer, HasTheEntryAgainWhenTheKeyOfAFormerRangeRanOutMeanwhile) {
  start_with(range("10.5.52.0/24"));
  start_with(range("10.5.60.0/24"));
  publish({range("10.5.60.0/24")}, {range("10.5.52.0/24")});
  ASSERT_TRUE(node.wait_for([&] {
    return server.value_of(kSubnets + "10.5.60.0-24").find("Former") != std::string::npos;
  }));
  const long before = server.number_of(kSubnets + "10.5.60.0-24", "mod_revision");
  server.remove(kSubnets + "10.5.52.0-24");  // while plumbd is away
  node.start();
  publish({range("10.5.60.0/24")}, {range("10.5.52.0/24")});
  EXPECT_TRUE(node.wait_for(
      [&] { return server.number_of(kSubnets + "10.5.60.0-24", "mod_revision") > before; }));
  FlannelStandIn peer(server);
  peer.revisions_without("10.0.0.1");
  EXPECT_TRUE(peer.has("10.0.0.1"));
}

}  // namespace
