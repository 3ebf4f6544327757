// SPDX-License-Identifier: Apache-2.0
// Recorded answers of an API server, cut into pieces at every position.
#include <array>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/kubernetes/event.h"
#include "agent/source/kubernetes/json_splitter.h"
#include "agent/source/kubernetes/node_store.h"
#include "agent/source/kubernetes/service_store.h"
#include "tests/agent_api/replay_server.h"

using agent::kubernetes::EndpointStore;
using agent::kubernetes::Event;
using agent::kubernetes::EventType;
using agent::kubernetes::JsonSplitter;
using agent::kubernetes::NodeStore;
using agent::kubernetes::ServiceStore;
using agent::kubernetes::Store;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

const agent::Config& config() {
  static const agent::Config config = [] {
    agent::Config it;
    it.node_name = "node1";
    it.kubernetes.annotation_prefix = "example.net";
    it.bgp.reflectors = {{"role", "edge"}};
    return it;
  }();
  return config;
}

/// A list, or a watch, as it comes in `pieces`.
void read_list(Store& objects, const std::vector<std::string>& pieces) {
  objects.begin_list();
  JsonSplitter splitter(JsonSplitter::Unit::item, [&](std::string_view object) {
    visit_json(object, objects.begin_object());
    objects.end_object(EventType::listed);
  });
  for (const std::string& piece : pieces) splitter.feed(piece);
  ASSERT_TRUE(splitter.is_complete());
  EXPECT_NE(agent::kubernetes::read_list_end(splitter.envelope()).resource_version, "");
  objects.end_list();
}

std::vector<std::string> read_watch(Store& objects, const std::vector<std::string>& pieces) {
  std::vector<std::string> types;
  JsonSplitter splitter(JsonSplitter::Unit::document, [&](std::string_view object) {
    const Event event = agent::kubernetes::read_event(object, objects.begin_object());
    types.push_back(event.type + " " + event.resource_version);
    if (event.type == "ADDED") objects.end_object(EventType::added);
    if (event.type == "MODIFIED") objects.end_object(EventType::modified);
    if (event.type == "DELETED") objects.end_object(EventType::deleted);
  });
  for (const std::string& piece : pieces) splitter.feed(piece);
  EXPECT_TRUE(splitter.is_complete());
  return types;
}

/// All ways to cut `text`: whole, in two at every position, and byte for byte.
template <typename Read>
void for_each_cut(const std::string& text, Read read) {
  read({text});
  for (std::size_t at = 1; at < text.size(); ++at) read({text.substr(0, at), text.substr(at)});
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  read(bytes);
}

std::vector<std::string> names_of(const NodeStore& store) {
  std::vector<std::string> names;
  for (const auto& node : store.nodes()) names.push_back(node.name);
  return names;
}

/// Calls `check` with `body` in pieces of 1, 7 and 2048 bytes; a server sends events that have
/// waited in pieces of the last size.
void for_each_size(const std::string& body,
                   const std::function<void(const std::vector<std::string>&)>& check) {
  for (const std::size_t size : {1u, 7u, 2048u}) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < body.size(); at += size) pieces.push_back(body.substr(at, size));
    check(pieces);
  }
}

class Stores : public testing::Test {
 protected:
  NodeStore nodes() {
    return NodeStore(
        config(), [] {}, [] {});
  }
};

}  // namespace

TEST_F(Stores, ReadEveryRecordedNodeListHoweverItIsCut) {
  for (const char* name : {"nodes-list-200.http", "nodes-list-page1-200.http"}) {
    NodeStore whole = nodes();
    read_list(whole, {test::fixture_body(name)});
    ASSERT_GE(whole.nodes().size(), 2u) << name;
    EXPECT_EQ(whole.nodes()[1].ranges[0].text(), "10.244.1.0/24");
    EXPECT_EQ(whole.nodes()[1].addresses[1].text(), "2001:db8::12");
    ASSERT_TRUE(whole.self());
    for_each_cut(test::fixture_body(name), [&](const std::vector<std::string>& pieces) {
      NodeStore cut = nodes();
      read_list(cut, pieces);
      EXPECT_EQ(cut.nodes(), whole.nodes());
    });
  }
}

TEST_F(Stores, ReadARecordedWatchHoweverItIsCut) {
  for_each_cut(
      test::fixture_body("nodes-watch-200.http"), [&](const std::vector<std::string>& pieces) {
        NodeStore store = nodes();
        read_list(store, {test::fixture_body("nodes-list-200.http")});
        EXPECT_THAT(read_watch(store, pieces),
                    ElementsAre("MODIFIED 224", "MODIFIED 225", "ADDED 226", "MODIFIED 227",
                                "DELETED 228", "MODIFIED 229", "BOOKMARK 243"));
        // node4 has a range but no address yet.
        EXPECT_THAT(names_of(store), ElementsAre("node1", "node2"));
        EXPECT_THAT(store.problems(), ElementsAre(testing::HasSubstr("node \"node4\"")));
        EXPECT_THAT(store.nodes()[1].labels, ElementsAre(std::pair("role", "edge")));
        EXPECT_EQ(store.self()->network_unavailable, "False");
        EXPECT_EQ(store.self()->network_reason, "RouteCreated");
        EXPECT_EQ(store.self()->annotations.count("example.net/backend"), 1u);
      });
}

TEST_F(Stores, ReadARecordedWatchThatBeginsWithAList) {
  NodeStore store = nodes();
  const auto types = read_watch(store, {test::fixture_body("nodes-watchlist-200.http")});
  EXPECT_EQ(types[0], "ADDED 214");
  EXPECT_EQ(types[3], "BOOKMARK 222");
  EXPECT_THAT(names_of(store), ElementsAre("node1", "node2"));
}

TEST_F(Stores, ReadRecordedServicesHoweverTheyAreCut) {
  for_each_cut(test::fixture_body("services-list-200.http"),
               [](const std::vector<std::string>& pieces) {
                 ServiceStore store([] {});
                 read_list(store, pieces);
                 ASSERT_EQ(store.services().size(), 2u);
                 const agent::Service& web = store.services().at("shop/web");
                 EXPECT_EQ(web.cluster_ips.at(0).text(), "10.96.118.142");
                 EXPECT_EQ(web.load_balancer_ips.at(0).text(), "203.0.113.10");
                 EXPECT_FALSE(web.local_policy);
               });
}

TEST_F(Stores, ReadRecordedEndpointSlicesHoweverTheyAreCut) {
  for_each_cut(test::fixture_body("endpointslices-list-200.http"),
               [](const std::vector<std::string>& pieces) {
                 EndpointStore store([] {});
                 read_list(store, pieces);
                 EXPECT_THAT(store.nodes_of("shop/web"), ElementsAre("node1"));
                 EXPECT_THAT(store.nodes_of("shop/none"), IsEmpty());
               });
}

// Manners 3 and 12 of a real API server: a bookmark has `"endpoints":null` and no name.
TEST_F(Stores, ReadARecordedWatchOfEndpointSlicesHoweverItIsCut) {
  for_each_size(test::fixture_body("endpointslices-watch-200.http"),
                [](const std::vector<std::string>& pieces) {
                  EndpointStore store([] {});
                  EXPECT_EQ(read_watch(store, pieces).back(), "BOOKMARK 550");
                  EXPECT_THAT(store.nodes_of("ns-b/api"), IsEmpty());
                  EXPECT_THAT(store.nodes_of("/"), IsEmpty());
                });
  const std::string body = test::fixture_body("endpointslices-watch-200.http");
  EndpointStore store([] {});
  read_watch(store, {body.substr(0, body.find("{\"type\":\"DELETED\""))});
  EXPECT_THAT(store.nodes_of("ns-b/api"), ElementsAre("node2"));
}

TEST_F(Stores, ReadARecordedWatchOfServicesHoweverItIsCut) {
  for_each_size(test::fixture_body("services-watch-200.http"),
                [](const std::vector<std::string>& pieces) {
                  ServiceStore store([] {});
                  EXPECT_EQ(read_watch(store, pieces).back(), "BOOKMARK 544");
                  EXPECT_TRUE(store.services().empty());
                });
  const std::string body = test::fixture_body("services-watch-200.http");
  const auto texts = [](const std::vector<base::IpAddress>& addresses) {
    std::string all;
    for (const base::IpAddress& address : addresses) all += address.text() + " ";
    return all;
  };
  std::size_t end = 0;
  const std::array balanced{"", "192.0.2.80 2001:db8::80 ", "", ""};
  for (const char* wanted : balanced) {
    end = body.find("\n", end) + 1;
    ServiceStore store([] {});
    read_watch(store, {body.substr(0, end)});
    const agent::Service& api = store.services().at("ns-b/api");
    EXPECT_EQ(texts(api.cluster_ips), "10.96.0.50 fd00:10:96::50 ");
    EXPECT_EQ(texts(api.load_balancer_ips), wanted);
    EXPECT_EQ(texts(api.external_ips), api.local_policy ? "" : "192.0.2.200 ");
  }
}

TEST_F(Stores, CountOnlyReadyEndpointsAndForgetDeletedSlices) {
  const auto slice = [](const char* type, const char* name, const char* endpoints) {
    return std::string("{\"type\":\"") + type +
           "\",\"object\":{\"metadata\":{\"namespace\":\"a\",\"name\":\"" + name +
           "\",\"resourceVersion\":\"1\",\"labels\":{\"kubernetes.io/service-name\":\"s\"}},"
           "\"endpoints\":[" +
           endpoints + "]}}\n";
  };
  EndpointStore store([] {});
  read_watch(store, {slice("ADDED", "s-1",
                           R"({"nodeName":"n2","conditions":{"ready":true}},{"nodeName":"n3"},)"
                           R"({"nodeName":"n4","conditions":{"ready":false}})"),
                     slice("ADDED", "s-2", R"({"nodeName":"n1"},{"nodeName":"n2"})")});
  EXPECT_THAT(store.nodes_of("a/s"), ElementsAre("n1", "n2", "n3"));
  read_watch(store, {slice("DELETED", "s-1", "")});
  EXPECT_THAT(store.nodes_of("a/s"), ElementsAre("n1", "n2"));
  read_watch(store, {slice("MODIFIED", "s-2", "")});
  EXPECT_THAT(store.nodes_of("a/s"), IsEmpty());
}

TEST_F(Stores, ReportOnlyRelevantChanges) {
  int changes = 0;
  NodeStore store(
      config(), [&] { ++changes; }, [] {});
  const std::string list = test::fixture_body("nodes-list-200.http");
  read_list(store, {list});
  store.notify();
  EXPECT_EQ(changes, 1);
  read_list(store, {list});
  store.notify();
  EXPECT_EQ(changes, 1) << "the same list again";
  const std::string item =
      R"({"metadata":{"name":"node2","creationTimestamp":"2026-11-21T05:24:16Z","resourceVersion":"9"},)"
      R"("spec":{"podCIDRs":["10.244.1.0/24","fd00:10:244:1::/64"]},)"
      R"("status":{"addresses":[{"type":"InternalIP","address":"192.0.2.12"},)"
      R"({"type":"InternalIP","address":"2001:db8::12"}],"conditions":[{"type":"Ready"}]}})";
  read_watch(store, {"{\"type\":\"MODIFIED\",\"object\":" + item + "}"});
  store.notify();
  EXPECT_EQ(changes, 1) << "kubelet's heart beat";
}
