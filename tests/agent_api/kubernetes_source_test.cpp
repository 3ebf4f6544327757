// SPDX-License-Identifier: Apache-2.0
// The Kubernetes source against an API server that is a double: recorded answers, and bad ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/kubernetes/source.h"
#include "tests/agent_api/kubernetes_world.h"

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

namespace test {
namespace {

constexpr const char* kList = "/api/v1/nodes\\?limit=500";
constexpr const char* kWatch = "/api/v1/nodes\\?watch=1.*";

using KubernetesSourceTest = KubernetesWorld;

TEST_F(KubernetesSourceTest, ListsThenWatchesFromThere) {
  server.replay(kList, "nodes-list-200.http", {{"chunk", 13}});
  server.replay(kWatch, "nodes-watch-200.http", {{"chunk", 13}, {"after", "hold"}});
  start();
  turn_until([&] { return names() == "node1 node2 " && source->status().in_sync; });
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0]["headers"]["authorization"], "Bearer token-1");
  const std::string watch = requests[1]["target"];
  EXPECT_THAT(watch, HasSubstr("&allowWatchBookmarks=true"));
  EXPECT_THAT(watch, HasSubstr("&resourceVersion=" + list_version));
  const int seconds = std::stoi(watch.substr(watch.find("timeoutSeconds=") + 15));
  EXPECT_GE(seconds, 300);
  EXPECT_LE(seconds, 600);
  EXPECT_THAT(source->status().state, StartsWith("watching since "));
  EXPECT_EQ(source->status().errors, 0u);
  EXPECT_GT(source->status().parsed_bytes, 5000u);
}

TEST_F(KubernetesSourceTest, ReportsNothingBeforeTheLastPage) {
  server.replay(kList, "nodes-list-page1-200.http");
  server.replay(kList + std::string("&continue=.*"), "nodes-list-page2-200.http");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return changes > 0; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
  EXPECT_EQ(changes, 1);
  const auto requests = server.requests();
  EXPECT_THAT(
      requests[1]["target"],
      "/api/v1/nodes?limit=500&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MjIyLCJzdGFydCI6"
      "Ii9ub2RlMlx1MDAwMCJ9");
}

TEST_F(KubernetesSourceTest, BeginsAnewWhenThePageTokenHasExpired) {
  server.replay(kList, "nodes-list-page1-200.http");
  server.respond(kList + std::string("&continue=.*"), "410 Gone", status_body(410, "Expired"));
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-future-rv.http", {{"times", 0}});
  start();
  turn_until([&] { return changes > 0; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
  EXPECT_EQ(source->status().errors, 1u);
}

TEST_F(KubernetesSourceTest, ContinuesFromABookmarkWhenTheConnectionBreaks) {
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "reset"}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return server.requests().size() == 3; });
  EXPECT_THAT(server.requests()[2]["target"], HasSubstr("&resourceVersion=243&"));
  turn_until([&] { return source->status().in_sync; });
  EXPECT_EQ(source->status().relists, 0u);
  EXPECT_EQ(source->status().watch_restarts, 1u);
}

TEST_F(KubernetesSourceTest, NeverAppliesHalfAnEvent) {
  server.replay(kList, "nodes-list-200.http");
  // The stream ends inside the fifth event, which would delete node3.
  const std::string body = fixture_body("nodes-watch-200.http");
  const std::size_t deletion = body.find("{\"type\":\"DELETED\"");
  for (const std::size_t more : {100u, 500u, 750u})
    server.exchange({{"target", kWatch},
                     {"text", "HTTP/1.1 200 OK\n\n" + body.substr(0, deletion + more)},
                     {"after", "close"}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return server.requests().size() == 5; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
  EXPECT_THAT(server.requests()[4]["target"], HasSubstr("&resourceVersion=227&"));
}

TEST_F(KubernetesSourceTest, ListsAgainWhenTheVersionIsGone) {
  server.replay(kList, "nodes-list-200.http", {{"times", 0}});
  server.replay(kWatch, "nodes-watch-410-gone.http");
  server.respond(kWatch, "410 Gone", status_body(410, "too old"));
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  turn_until([&] { return names() == "node1 node2 "; });
  EXPECT_EQ(source->status().relists, 2u);
  EXPECT_EQ(source->status().errors, 2u);
  EXPECT_THAT(log(), HasSubstr("too old resource version: 10 (260)"));
}

TEST_F(KubernetesSourceTest, ListsAgainWhenWatchesEndAtOnce) {
  server.replay(kList, "nodes-list-200.http", {{"times", 0}});
  server.replay(kWatch, "nodes-watch-future-rv.http", {{"times", 3}});
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  turn_until([&] { return names() == "node1 node2 "; });
  EXPECT_EQ(source->status().relists, 1u);
}

TEST_F(KubernetesSourceTest, ReadsTheTokenAgainWhenItIsRefused) {
  server.replay(kList, "nodes-list-401-unauthorized.http");
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  files.file("token", "token-2\n");
  turn_until([&] { return changes > 0; });
  EXPECT_EQ(server.requests()[1]["headers"]["authorization"], "Bearer token-2");
  EXPECT_EQ(source->status().errors, 0u);
}

TEST_F(KubernetesSourceTest, KeepsTryingWithATokenThatStaysWrong) {
  server.replay(kList, "nodes-list-401-unauthorized.http", {{"times", 4}});
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  turn_until([&] { return source->status().errors > 0; });
  EXPECT_THAT(source->status().state, HasSubstr("is not accepted: \"Unauthorized\""));
  turn_until([&] { return changes > 0; });
}

TEST_F(KubernetesSourceTest, ReadsTheTokenAgainEveryMinute) {
  timing.reload = std::chrono::milliseconds(0);
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"times", 0}, {"after", "close"}});
  start();
  turn_until([&] { return server.requests().size() > 1; });
  files.file("token", "token-2\n");
  turn_until(
      [&] { return server.requests().back()["headers"]["authorization"] == "Bearer token-2"; });
  ::unlink((files / "token").c_str());
  const std::size_t before = server.requests().size();
  turn_until([&] { return server.requests().size() > before + 1; });
  EXPECT_EQ(server.requests().back()["headers"]["authorization"], "Bearer token-2");
}

TEST_F(KubernetesSourceTest, NamesTheVerbThatRbacRefuses) {
  server.replay(kList, "nodes-list-403-forbidden.http", {{"times", 2}});
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-list-403-forbidden.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  turn_until([&] { return source->status().errors == 1; });
  EXPECT_THAT(source->status().state,
              AllOf(HasSubstr("lacks verb \"list\" on \"nodes\""), HasSubstr(R"(User \"agent\")")));
  EXPECT_EQ(changes, 0);
  turn_until([&] { return source->status().in_sync; });
  EXPECT_THAT(log(), HasSubstr("lacks verb \"watch\" on \"nodes\""));
}

TEST_F(KubernetesSourceTest, WaitsAsLongAsTheServerAsks) {
  const auto begin = agent::Loop::Clock::now();
  server.respond(kList, "429 Too Many Requests", status_body(429, "slow down"),
                 {{"headers", "Retry-After: 1\n"}});
  server.respond(kList, "503 Service Unavailable", "<html>", {{"headers", "Retry-After: 1\n"}});
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  turn_until([&] { return source->status().errors > 0; });
  EXPECT_THAT(source->status().state, "retry in 1 s: list nodes: 429 \"slow down\"");
  turn_until([&] { return changes > 0; });
  EXPECT_GE(agent::Loop::Clock::now() - begin, std::chrono::seconds(2));
}

TEST_F(KubernetesSourceTest, DoesNotWaitForADayWhenAProxyAsksForIt) {
  server.respond(kList, "429 Too Many Requests", status_body(429, "slow down"),
                 {{"headers", "Retry-After: 86400\n"}});
  start();
  turn_until([&] { return source->status().errors > 0; });
  EXPECT_THAT(source->status().state, "retry in 300 s: list nodes: 429 \"slow down\"");
}

TEST_F(KubernetesSourceTest, RefusesATruncatedList) {
  const std::string body = fixture_body("nodes-list-200.http");
  server.respond(kList, "200 OK", body.substr(0, body.size() - 40));
  server.replay(kList, "nodes-list-200.http", {{"cut", 900}, {"after", "close"}});
  server.respond(kList, "200 OK", "<html>login</html>");
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-future-rv.http", {{"times", 0}});
  start();
  turn_until([&] { return changes > 0; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
  EXPECT_EQ(source->status().errors, 3u);
  EXPECT_THAT(log(), HasSubstr("the list is truncated"));
}

TEST_F(KubernetesSourceTest, KeepsItsSnapshotWhileTheServerIsAway) {
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  server.respond(kWatch, "500 Internal Server Error", "oops", {{"times", 3}});
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  turn_until([&] { return source->status().in_sync; });
  server.drop("reset");
  turn_until([&] { return source->status().errors >= 3; });
  EXPECT_EQ(names(), "node1 node2 node3 ");
  EXPECT_FALSE(source->status().in_sync);
  turn_until([&] { return names() == "node1 node2 "; });
  EXPECT_TRUE(source->status().in_sync);
}

TEST_F(KubernetesSourceTest, TakesEventsAsSlowlyAsTheyCome) {
  server.replay(kList, "nodes-list-200.http", {{"chunk", 200}, {"pause", 0.02}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().in_sync; });
  const std::string body = fixture_body("nodes-watch-200.http");
  server.push(body.substr(0, body.size() / 2));
  loop.turn(std::chrono::milliseconds(20));
  server.push(body.substr(body.size() / 2));
  turn_until([&] { return names() == "node1 node2 "; });
}

TEST_F(KubernetesSourceTest, ReportsAnEmptyCluster) {
  server.respond(kList, "200 OK", R"({"metadata":{"resourceVersion":"7"},"items":[]})");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return changes == 1; });
  EXPECT_EQ(names(), "");
}

TEST_F(KubernetesSourceTest, ShowsThatItsFilesAreMissingUntilTheyCome) {
  ::unlink((files / "token").c_str());
  server.replay(kList, "nodes-list-200.http");
  server.replay(kWatch, "nodes-watch-200.http", {{"after", "hold"}});
  start();
  EXPECT_THAT(source->status().state, AllOf(HasSubstr("retry in"), HasSubstr("/token")));
  files.file("token", "token-1\n");
  turn_until([&] { return changes > 0; });
}

TEST_F(KubernetesSourceTest, WarnsOfSecretsThatOtherUsersCanRead) {
  ::chmod(config.kubernetes.kubeconfig.c_str(), 0644);
  server.replay(kList, "nodes-list-200.http");
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return changes > 0; });
  EXPECT_THAT(source->snapshot().problems, ElementsAre(HasSubstr("chmod 600")));
}

TEST_F(KubernetesSourceTest, CanBeDestroyedAtAnyTime) {
  server.replay(kList, "nodes-list-200.http", {{"cut", 900}, {"after", "hold"}});
  start();
  turn_until([&] { return server.requests().size() == 1; });
  source.reset();
  for (int i = 0; i < 5; ++i) loop.turn(std::chrono::milliseconds(5));
  EXPECT_EQ(changes, 0);
}

}  // namespace
}  // namespace test
