// SPDX-License-Identifier: Apache-2.0
// Unexpected behaviour of a real API server, for nodes, services and endpoint slices. The answers
// are recorded ones (Kubernetes 1.36.2).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent_api/kubernetes_world.h"

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

namespace test {
namespace {

constexpr const char* kList = "/api/v1/nodes\\?limit=500";
constexpr const char* kWatch = "/api/v1/nodes\\?watch=1.*";
constexpr const char* kPatch = "/api/v1/nodes/node1/status.*";
constexpr const char* kServices = "/api/v1/services\\?limit=500";
constexpr const char* kServiceWatch = "/api/v1/services\\?watch=1.*";
constexpr const char* kSlices = "/apis/discovery.k8s.io/v1/endpointslices\\?limit=500";
constexpr const char* kSliceWatch = "/apis/discovery.k8s.io/v1/endpointslices\\?watch=1.*";
constexpr const char* kEmptyList = R"({"metadata":{"resourceVersion":"7"},"items":[]})";

class KubernetesMannersTest : public KubernetesWorld {
 protected:
  /// Answers the first list with `fixture`, the next ones well; returns the state in between.
  std::string state_after(const std::string& fixture) {
    server.replay(kList, fixture);
    server.replay(kList, "nodes-list-200.http", {{"times", 0}});
    server.exchange(quiet(kWatch));
    start();
    turn_until([&] { return source->status().errors > 0 || source->status().in_sync; });
    return source->status().state;
  }
  void follow_services() {
    config.kubernetes.watch_services = true;
    server.replay(kList, "nodes-list-200.http");
    server.exchange(quiet(kWatch));
  }
  /// Returns whether a watch of `what` from `version` on was requested.
  bool asked(const std::string& what, const std::string& version) {
    const std::string wanted = what + "?watch=1", from = "&resourceVersion=" + version + "&";
    return std::ranges::any_of(server.requests(), [&](const nlohmann::json& request) {
      const std::string target = request["target"];
      return target.find(wanted) != std::string::npos && target.find(from) != std::string::npos;
    });
  }
  std::vector<nlohmann::json> patches() {
    std::vector<nlohmann::json> found;
    for (const auto& request : server.requests())
      if (request["method"] == "PATCH") found.push_back(request);
    return found;
  }
  static fabric::Node self() {
    fabric::Node node{.name = "node1"};
    node.addresses = {*base::IpAddress::parse("192.0.2.11")};
    node.ranges = {*base::Prefix::parse("10.244.0.0/24")};
    return node;
  }
};

// Manner 1
TEST_F(KubernetesMannersTest, ReportsAListThatEndsWithoutOneByte) {
  server.exchange({{"target", kList}, {"text", ""}, {"cut", 0}, {"after", "close"}});
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
  EXPECT_THAT(log(), HasSubstr("list nodes: GET "));
}

// Manner 1
TEST_F(KubernetesMannersTest, ReadsATimeoutOfAPatchFromJsonOfTypeText) {
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  server.replay(kPatch, "node-status-patch-504-etcd-stopped.http", {{"method", "PATCH"}});
  server.replay(kPatch, "node-status-patch-200-warning.http", {{"method", "PATCH"}, {"times", 0}});
  start();
  source->publish(self());
  turn_until([&] { return patches().size() > 1; });
  EXPECT_THAT(log(),
              HasSubstr("504 \"Timeout: request did not complete within the allotted timeout\""));
}

// Manner 2
TEST_F(KubernetesMannersTest, ReadsTooManyRequestsFromPlainText) {
  EXPECT_EQ(state_after("nodes-list-429-toomanyrequests.http"),
            "retry in 1 s: list nodes: 429 \"Too many requests, please try again later.\"");
  turn_until([&] { return source->status().in_sync; });
}

// Manner 2
TEST_F(KubernetesMannersTest, KeepsItsNodesAfterTooManyRequestsOfAWatch) {
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-429-toomanyrequests.http");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().errors == 1; });
  EXPECT_THAT(source->status().state, StartsWith("retry in 1 s: watch nodes: 429 \"Too many"));
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(source->status().relists, 0u);
}

// Manners 3 and 12
TEST_F(KubernetesMannersTest, DoesNotTakeABookmarkForAnObject) {
  follow_services();
  server.respond(kServices, "200 OK", kEmptyList);
  server.respond(kSlices, "200 OK", kEmptyList);
  for (const auto& [target, fixture] : {std::pair(kServiceWatch, "services-watch-200.http"),
                                        std::pair(kSliceWatch, "endpointslices-watch-200.http")}) {
    server.replay(target, fixture, {{"chunk", 2048}});
    server.exchange(quiet(target));
  }
  start();
  // Both recordings end by a bookmark, and the next watch begins there.
  turn_until([&] { return asked("services", "544") && asked("endpointslices", "550"); });
  EXPECT_THAT(source->snapshot().services, IsEmpty());
  EXPECT_EQ(source->status().errors, 0u);
}

// Manner 4
TEST_F(KubernetesMannersTest, SendsAVersionWithEveryWatch) {
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "close"}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return server.requests().size() == 3 && source->status().in_sync; });
  EXPECT_THAT(server.requests()[1]["target"], HasSubstr("&resourceVersion=222&"));
  EXPECT_THAT(server.requests()[2]["target"], HasSubstr("&resourceVersion=243&"));
}

// Manner 8
TEST_F(KubernetesMannersTest, ReadsAListWhoseItemsComeBeforeItsVersion) {
  const auto body = nlohmann::json::parse(fixture_body("nodes-list-200.http"));
  nlohmann::ordered_json turned{
      {"apiVersion", "v1"}, {"items", body["items"]}, {"kind", "NodeList"}};
  turned["metadata"] = {{"continue", ""}, {"resourceVersion", "222"}};
  server.respond(kList, "200 OK", turned.dump(), {{"chunk", 13}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
}

// Manner 9
TEST_F(KubernetesMannersTest, ContinuesAWatchAfterTheServerStopped) {
  timing.retry_least = milliseconds(20);
  server.replay(kList, "nodes-list-200.http");
  const std::string head = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n";
  const std::string event = fixture_body("nodes-watch-200.http");
  const std::string first = event.substr(0, event.find('\n') + 1);
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", first.size());
  // Stopped by SIGTERM with a last chunk, by SIGKILL without one.
  server.exchange({{"target", kWatch}, {"text", head + size + first + "\r\n0\r\n\r\n"}});
  server.exchange({{"target", kWatch}, {"text", head + size + first + "\r\n"}, {"after", "close"}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return server.requests().size() == 4 && source->status().in_sync; });
  EXPECT_THAT(server.requests()[2]["target"], HasSubstr("&resourceVersion=224&"));
  EXPECT_THAT(server.requests()[3]["target"], HasSubstr("&resourceVersion=224&"));
  EXPECT_EQ(source->status().relists, 0u);
  EXPECT_EQ(source->status().errors, 1u) << "only the second is a failure";
}

// Manner 9
TEST_F(KubernetesMannersTest, WaitsAsLongAsAStoppingServerAsks) {
  EXPECT_EQ(state_after("nodes-list-429-apiserver-stopping.http"),
            "retry in 5 s: list nodes: 429 \"The apiserver is shutting down, please try again "
            "later.\"");
}

// Manner 10
TEST_F(KubernetesMannersTest, ReadsTheTokenAgainWhenItHasExpiredOrItsPodIsGone) {
  for (const char* fixture :
       {"nodes-list-401-token-expired.http", "nodes-list-401-token-of-deleted-pod.http"})
    server.replay(kList, fixture);
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().errors > 0; });
  EXPECT_THAT(source->status().state,
              HasSubstr("the token or certificate is not accepted: \"Unauthorized\""));
  turn_until([&] { return source->status().in_sync; });
}

// Manner 11
TEST_F(KubernetesMannersTest, StartsAnExpiredListAgain) {
  server.replay(kList, "nodes-list-page1-200.http");
  server.replay(kList + std::string("&continue=.*"), "nodes-list-410-continue-expired.http");
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(server.requests()[2]["target"], "/api/v1/nodes?limit=500");
}

// Manner 11
TEST_F(KubernetesMannersTest, KeepsItsNodesWhenTheVersionIsFromTheFuture) {
  EXPECT_THAT(state_after("nodes-list-504-future-rv.http"),
              StartsWith("retry in 1 s: list nodes: 504 \"Timeout: Too large resource version"));
}

// Manner 13
TEST_F(KubernetesMannersTest, MasksARangeWithHostBits) {
  std::string body = fixture_body("nodes-list-200.http");
  const std::string from = "10.244.1.0/24";
  for (auto at = body.find(from); at != std::string::npos; at = body.find(from, at + 1))
    body.replace(at, from.size(), "10.244.1.7/24");
  server.respond(kList, "200 OK", body);
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(source->snapshot().nodes.at(1).ranges.at(0).text(), from);
}

// Manner 14
TEST_F(KubernetesMannersTest, NamesThePolicyThatDeniesAPatch) {
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  for (const char* fixture : {"node-status-patch-other-node-403-admission.http",
                              "node-status-patch-other-node-422-admission.http",
                              "node-status-patch-no-node-claim-422-admission.http"})
    server.replay(kPatch, fixture, {{"method", "PATCH"}});
  server.replay(kPatch, "node-status-patch-200-warning.http", {{"method", "PATCH"}, {"times", 0}});
  start();
  source->publish(self());
  turn_until([&] { return patches().size() > 3; });
  for (const auto& patch : patches())
    EXPECT_EQ(patch["headers"]["content-type"], "application/strategic-merge-patch+json")
        << "a merge patch would replace all conditions";
  EXPECT_THAT(log(), AllOf(HasSubstr("403 denied by an admission policy: "),
                           HasSubstr("the token is of node node1, not of node2"),
                           HasSubstr("422 denied by an admission policy: "),
                           HasSubstr("'no-reason'"), Not(HasSubstr("lacks verb"))));
}

TEST_F(KubernetesMannersTest, ReportsThatTheServerTreatsItAsAnonymous) {
  EXPECT_THAT(
      state_after("nodes-list-403-anonymous.http"),
      AllOf(HasSubstr("the server treats this client as anonymous"), Not(HasSubstr("lacks verb"))));
}

}  // namespace
}  // namespace test
