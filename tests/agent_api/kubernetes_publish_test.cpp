// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source writes this node's own Node object, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent_api/kubernetes_world.h"

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace test {
namespace {

constexpr const char* kList = "/api/v1/nodes\\?limit=500";
constexpr const char* kWatch = "/api/v1/nodes\\?watch=1.*";
constexpr const char* kPatch = "/api/v1/nodes/node1/status.*";

class KubernetesPublishTest : public KubernetesWorld {
 protected:
  KubernetesPublishTest() {
    config.kubernetes.annotation_prefix = "flannel.alpha.coreos.com";
    self.name = "node1";
    self.addresses = {*base::IpAddress::parse("192.0.2.11"),
                      *base::IpAddress::parse("2001:db8::11")};
    self.ranges = {*base::Prefix::parse("10.244.0.0/24")};
  }

  std::vector<nlohmann::json> patches() {
    std::vector<nlohmann::json> found;
    for (const auto& request : server.requests())
      if (request["method"] == "PATCH") found.push_back(request);
    return found;
  }
  /// node1 as the watch shows it with these annotations.
  static std::string event(const nlohmann::json& annotations, const std::string& reason,
                           const std::string& status = "False") {
    return nlohmann::json{
        {"type", "MODIFIED"},
        {"object",
         {{"metadata",
           {{"name", "node1"}, {"resourceVersion", "300"}, {"annotations", annotations}}},
          {"spec", {{"podCIDRs", {"10.244.0.0/24"}}}},
          {"status",
           {{"conditions",
             {{{"type", "Ready"}, {"status", "True"}},
              {{"type", "NetworkUnavailable"}, {"status", status}, {"reason", reason}}}}}}}}}
        .dump();
  }
  static nlohmann::json flannel(const nlohmann::json& words) {
    nlohmann::json annotations = nlohmann::json::object();
    for (const auto& [word, value] : words.items())
      annotations["flannel.alpha.coreos.com/" + word] = value;
    return annotations;
  }
  const nlohmann::json wanted =
      flannel({{"kube-subnet-manager", "true"},
               {"backend-type", "vxlan"},
               {"backend-data", R"({"VNI":1,"VtepMAC":"02:76:c0:00:02:0b"})"},
               {"backend-v6-data",
                "{\"VNI\":1,\"VtepMAC\":\"" +
                    fabric::vtep_mac(*base::IpAddress::parse("2001:db8::11")).text() + "\"}"},
               {"public-ip", "192.0.2.11"},
               {"public-ipv6", "2001:db8::11"}});

  /// Lists three bare nodes and opens a quiet watch.
  void begin() {
    server.replay(kList, "nodes-list-200.http");
    server.exchange(quiet(kWatch));
    start();
    source->set_ready(true, "");
    turn_until([&] { return source->status().in_sync; });
  }
  /// The condition of a patch; null where it has none.
  static nlohmann::json condition_of(const nlohmann::json& request) {
    const auto body = nlohmann::json::parse(request["body"].get<std::string>());
    return body.contains("status") ? body["status"]["conditions"].at(0) : nlohmann::json();
  }

  fabric::Node self;
};

TEST_F(KubernetesPublishTest, PatchesAnnotationsAndConditionAtOnce) {
  server.replay(kPatch, "node-status-patch-condition-200.http", {{"method", "PATCH"}});
  begin();
  EXPECT_THAT(patches(), IsEmpty()) << "before anything is to be published";
  source->publish(self);
  turn_until([&] { return patches().size() == 1; });
  const auto request = patches()[0];
  EXPECT_EQ(request["target"], "/api/v1/nodes/node1/status?fieldManager=plumbd");
  EXPECT_EQ(request["headers"]["content-type"], "application/strategic-merge-patch+json");
  EXPECT_EQ(request["headers"]["authorization"], "Bearer token-1");
  const auto body = nlohmann::json::parse(request["body"].get<std::string>());
  EXPECT_EQ(body["metadata"], (nlohmann::json{{"annotations", wanted}}));
  ASSERT_EQ(body["status"]["conditions"].size(), 1u);
  const auto condition = body["status"]["conditions"][0];
  EXPECT_EQ(condition["type"], "NetworkUnavailable");
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["reason"], "PlumbIsUp");
  EXPECT_THAT(condition["lastTransitionTime"].get<std::string>(),
              testing::MatchesRegex("20..-..-..T..:..:..Z"));
  EXPECT_EQ(body.size(), 2u);
}

/// L2: flannel deletes the FDB entry of address and MAC with any node that goes, and looks only at
/// annotations whose text has changed.
TEST_F(KubernetesPublishTest, WritesBackendDataAgainWhenANodeWithItsAddressAndMacIsGone) {
  server.exchange(
      {{"target", kPatch}, {"times", 0}, {"text", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}});
  begin();
  server.push(event(wanted, "PlumbIsUp"));
  turn_until([&] { return source->snapshot().nodes[0].ranges.size() == 1; });
  source->publish(self);
  const auto other = [&](const std::string& type, const char* mac) {
    return nlohmann::json{
        {"type", type},
        {"object",
         {{"metadata",
           {{"name", "old-name"},
            {"resourceVersion", "301"},
            {"annotations",
             flannel({{"public-ip", "192.0.2.11"},
                      {"backend-data", std::string(R"({"VNI":1,"VtepMAC":")") + mac + R"("})"}})}}},
          {"spec", {{"podCIDRs", {"10.244.77.0/24"}}}}}}}
        .dump();
  };
  const auto knows = [&](bool there) {
    return std::ranges::any_of(source->snapshot().nodes, [](const fabric::Node& node) {
             return node.name == "old-name";
           }) == there;
  };
  server.push(other("ADDED", "02:76:c0:00:02:99"));
  turn_until([&] { return knows(true); });
  server.push(other("DELETED", "02:76:c0:00:02:99"));
  turn_until([&] { return knows(false); });
  EXPECT_THAT(patches(), IsEmpty()) << "another MAC is another entry";
  server.push(other("ADDED", "02:76:c0:00:02:0b"));
  turn_until([&] { return knows(true); });
  EXPECT_THAT(patches(), IsEmpty());
  server.push(other("DELETED", "02:76:c0:00:02:0b"));
  turn_until([&] { return patches().size() == 1; });
  const auto body = nlohmann::json::parse(patches()[0]["body"].get<std::string>());
  const std::string key = "flannel.alpha.coreos.com/backend-data";
  const std::string text = body["metadata"]["annotations"][key];
  EXPECT_NE(text, wanted[key].get<std::string>());
  EXPECT_EQ(nlohmann::json::parse(text), nlohmann::json::parse(wanted[key].get<std::string>()));
}

TEST_F(KubernetesPublishTest, WritesOnlyValuesThatDifferFromTheWatch) {
  server.exchange(
      {{"target", kPatch}, {"times", 0}, {"text", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}});
  begin();
  server.push(event(wanted, "PlumbIsUp"));
  turn_until([&] { return source->snapshot().nodes[0].ranges.size() == 1; });
  source->publish(self);
  for (int i = 0; i < 20; ++i) loop.turn(std::chrono::milliseconds(10));
  EXPECT_THAT(patches(), IsEmpty());
  // Another program removes the address and leaves one of another family.
  nlohmann::json other = wanted;
  other["flannel.alpha.coreos.com/public-ip"] = "198.51.100.1";
  server.push(event(other, "PlumbIsUp"));
  turn_until([&] { return patches().size() == 1; });
  server.push(event(wanted, "PlumbIsUp"));
  EXPECT_EQ(
      nlohmann::json::parse(patches()[0]["body"].get<std::string>()),
      (nlohmann::json{{"metadata", {{"annotations", flannel({{"public-ip", "192.0.2.11"}})}}}}));
}

TEST_F(KubernetesPublishTest, RemovesAnnotationsThatNoLongerHold) {
  server.exchange(
      {{"target", kPatch}, {"times", 0}, {"text", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}});
  begin();
  server.push(event(wanted, "RouteCreated"));
  self.addresses.pop_back();
  source->publish(self);
  turn_until([&] { return patches().size() >= 2; });
  const auto body = nlohmann::json::parse(patches().back()["body"].get<std::string>());
  EXPECT_EQ(body["metadata"]["annotations"],
            flannel({{"public-ipv6", nullptr}, {"backend-v6-data", nullptr}}));
  EXPECT_EQ(body["status"]["conditions"][0]["reason"], "PlumbIsUp");
}

TEST_F(KubernetesPublishTest, TriesAgainAfterEveryRefusal) {
  server.replay(kPatch, "node-patch-409-conflict.http");
  server.replay(kPatch, "node-patch-404-notfound.http");
  server.respond(kPatch, "403 Forbidden", status_body(403, "nodes/status is forbidden"));
  server.replay(kPatch, "nodes-list-401-unauthorized.http");
  server.respond(kPatch, "429 Too Many Requests", status_body(429, "slow"));
  server.exchange({{"target", kPatch}, {"text", ""}, {"after", "reset"}});
  server.replay(kPatch, "node-patch-annotation-200.http");
  begin();
  source->publish(self);
  turn_until([&] { return patches().size() >= 3; });
  turn_until([&] { return source->status().state.find("patch") != std::string::npos; });
  turn_until([&] { return patches().size() >= 7; });
  server.push(event(wanted, "PlumbIsUp"));
  turn_until([&] { return source->status().state.find("patch") == std::string::npos; });
  const std::string text = log();
  for (const char* reported :
       {"409 \"Operation cannot be fulfilled", R"(404 "nodes \"nosuch\" not found")",
        "lacks verb \"patch\" on \"nodes/status\"", "429 \"slow\""})
    EXPECT_THAT(text, HasSubstr(reported));
}

// K8
TEST_F(KubernetesPublishTest, LeavesTheConditionAloneUntilTheNodeIsReady) {
  server.exchange(
      {{"target", kPatch}, {"times", 0}, {"text", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}});
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  start();
  source->publish(self);
  turn_until([&] { return patches().size() == 1; });
  EXPECT_TRUE(condition_of(patches()[0]).is_null()) << "whether it is ready is not known yet";
  source->set_ready(false, "kernel: not done yet");
  server.push(event(wanted, "RouteCreated"));
  for (int i = 0; i < 20; ++i) loop.turn(std::chrono::milliseconds(10));
  for (const auto& patch : patches()) EXPECT_TRUE(condition_of(patch).is_null());
  source->set_ready(true, "");
  turn_until([&] { return !condition_of(patches().back()).is_null(); });
  EXPECT_EQ(condition_of(patches().back())["status"], "False");
}

// K8
TEST_F(KubernetesPublishTest, SaysThatTheNetworkIsUnavailableWhileTheNodeIsNotReady) {
  timing.unready = std::chrono::milliseconds(300);
  server.exchange(
      {{"target", kPatch}, {"times", 0}, {"text", "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}"}});
  begin();
  server.push(event(wanted, "PlumbIsUp"));
  turn_until([&] { return source->snapshot().nodes[0].ranges.size() == 1; });
  source->publish(self);
  source->set_ready(false, "a restart");
  for (int i = 0; i < 10; ++i) loop.turn(std::chrono::milliseconds(10));
  source->set_ready(true, "");
  for (int i = 0; i < 40; ++i) loop.turn(std::chrono::milliseconds(10));
  EXPECT_THAT(patches(), IsEmpty()) << "a short time is not reported";
  source->set_ready(false, "kernel: create link \"a\x1b[2J\": " + std::string(5000, 'x'));
  turn_until([&] { return !patches().empty(); });
  const auto condition = condition_of(patches()[0]);
  EXPECT_EQ(condition["status"], "True");
  EXPECT_EQ(condition["reason"], "PlumbIsNotReady");
  const std::string message = condition["message"];
  EXPECT_THAT(message, HasSubstr("plumbd is not ready: "));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_LE(message.size(), 1024u);
  server.push(event(wanted, "PlumbIsNotReady", "True"));
  source->set_ready(true, "");
  turn_until([&] { return condition_of(patches().back())["status"] == "False"; });
}

TEST_F(KubernetesPublishTest, SaysThatTheClusterHasNoSuchNode) {
  config.node_name = "node9";
  begin();
  source->publish(self);
  for (int i = 0; i < 10; ++i) loop.turn(std::chrono::milliseconds(10));
  EXPECT_THAT(patches(), IsEmpty());
  EXPECT_THAT(source->status().state, HasSubstr("\"node9\", is not among the cluster's nodes"));
}

}  // namespace
}  // namespace test
