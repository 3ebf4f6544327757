// SPDX-License-Identifier: Apache-2.0
// How long the Kubernetes source takes to be in sync again after an outage. K6 K8
#include <chrono>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/netns.h"
#include "tests/agent_api/kubernetes_world.h"

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

namespace test {
namespace {

constexpr const char* kList = "/api/v1/nodes\\?limit=500";
constexpr const char* kWatch = "/api/v1/nodes\\?watch=1.*";
using Clock = agent::Loop::Clock;

class KubernetesReturnTest : public KubernetesWorld {
 protected:
  KubernetesReturnTest() { server.replay(kList, "nodes-list-200.http", {{"times", 0}}); }
  using KubernetesWorld::KubernetesWorld;

  void turn_for(Clock::duration time) {
    const auto end = Clock::now() + time;
    while (Clock::now() < end) loop.turn(milliseconds(10));
  }
  void begin() {
    server.exchange(quiet(kWatch));
    start();
    turn_until([&] { return source->status().in_sync; });
  }
  bool in_sync() const { return source->status().in_sync; }
};

// K6
TEST_F(KubernetesReturnTest, IsInSyncWithinTenSecondsOfTheServersReturn) {
  timing = {};
  begin();
  server.leave();
  turn_until([&] { return !in_sync(); });
  turn_for(seconds(25));  // the waits have grown to the longest one by then
  server.replay(kWatch, "nodes-watch-410-gone.http");
  server.exchange(quiet(kWatch));
  server.come_back();
  const auto returned = Clock::now();
  turn_until([&] { return in_sync(); });
  EXPECT_LE(Clock::now() - returned, seconds(10));
}

// K6
TEST_F(KubernetesReturnTest, ListsAtOnceWhenTheVersionIsGoneAndPausesWhenItIsGoneAgain) {
  timing.retry_least = seconds(1);
  timing.retry_most = seconds(2);
  server.replay(kWatch, "nodes-watch-410-gone.http");
  server.respond(kWatch, "410 Gone", status_body(410, "too old"));
  server.exchange(quiet(kWatch));
  const auto begun = Clock::now();
  start();
  turn_until([&] { return source->status().relists == 1; });
  EXPECT_LT(Clock::now() - begun, milliseconds(700));
  turn_until([&] { return source->status().relists == 2; });
  EXPECT_GE(Clock::now() - begun, seconds(1)) << "two in a row are not answered at full speed";
  turn_until([&] { return in_sync(); });
}

// K6
TEST_F(KubernetesReturnTest, BeginsTheListAnewAtOnceWhenItsPageTokenHasExpired) {
  timing.retry_least = timing.retry_most = seconds(2);
  ReplayServer paged;
  config.kubernetes.kubeconfig =
      files.file("paged",
                 "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
                 "clusters: [{name: a, cluster: {server: '" +
                     paged.url() + "'}}]\nusers: [{name: a, user: {token: t}}]\n",
                 0600);
  paged.replay(kList, "nodes-list-page1-200.http");
  paged.replay(kList + std::string("&continue=.*"), "nodes-list-410-continue-expired.http");
  paged.replay(kList, "nodes-list-200.http");
  paged.exchange(quiet(kWatch));
  const auto begun = Clock::now();
  start();
  turn_until([&] { return in_sync(); });
  EXPECT_LT(Clock::now() - begun, milliseconds(1500));
  EXPECT_EQ(names(), "node1 node2 node3 ");
}

// K8
TEST_F(KubernetesReturnTest, TriesATokenThatReplacesARejectedOneWithinASecond) {
  timing.retry_least = timing.retry_most = timing.retry_known = seconds(60);
  server.replay(kWatch, "nodes-list-401-token-expired.http",
                {{"times", 0}, {"authorization", "Bearer token-1"}});
  server.exchange(quiet(kWatch));
  start();
  turn_until([&] { return source->status().errors > 0; });
  EXPECT_THAT(source->status().state, HasSubstr("is not accepted: "));
  turn_for(milliseconds(300));
  files.file("token", "token-2\n", 0600);
  const auto replaced = Clock::now();
  turn_until([&] { return in_sync(); });
  EXPECT_LE(Clock::now() - replaced, milliseconds(2500));
  EXPECT_EQ(server.requests().back()["headers"]["authorization"], "Bearer token-2");
}

/// A machine with a server behind an address that can vanish: packets to it get no answer then.
class AwayTest : public testing::Test {
 protected:
  static void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0); }
  static void set_up_network() {
    run("ip link set lo up && ip link add away type veth peer name gone && "
        "ip link set away up && ip link set gone up && ip address add 10.9.0.1/24 dev away && "
        "ip neighbour add 10.9.0.2 lladdr 02:00:00:00:00:02 dev away && "
        "ip address add 10.9.0.2/32 dev lo");
  }
  struct World : KubernetesReturnTest {
    World() : KubernetesReturnTest(nlohmann::json{{"host", "0.0.0.0"}}) {
      timing = {};
      server.replay(kList, "nodes-list-200.http");
      server.exchange(quiet(kWatch));
      config.kubernetes.insecure = true;
      config.kubernetes.kubeconfig = files.file(
          "away",
          "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
          "clusters: [{name: a, cluster: {server: 'http://10.9.0.2:" +
              std::to_string(server.port()) + "'}}]\nusers: [{name: a, user: {token: t}}]\n",
          0600);
    }
    void leave_the_address() { run("ip address del 10.9.0.2/32 dev lo"); }
    void take_the_address_back() { run("ip address add 10.9.0.2/32 dev lo"); }
  };
  struct Connection : World {
    void TestBody() override {
      start();
      turn_until([&] { return in_sync(); });
      leave_the_address();
      const auto left = Clock::now();
      turn_until([&] { return !in_sync(); });
      EXPECT_LE(Clock::now() - left, seconds(1));
      EXPECT_THAT(source->status().state, HasSubstr("10.9.0.2"));
    }
  };
  struct Return : World {
    void TestBody() override {
      start();
      turn_until([&] { return in_sync(); });
      leave_the_address();
      turn_for(seconds(25));
      EXPECT_FALSE(in_sync());
      server.exchange(quiet(kWatch));
      take_the_address_back();
      const auto returned = Clock::now();
      turn_until([&] { return in_sync(); });
      EXPECT_LE(Clock::now() - returned, seconds(10));
    }
  };
};

// K8
TEST_F(AwayTest, AConnectionFromAnAddressThatIsGoneEndsAtOnce) {
  base::Netns::create().run([] {
    set_up_network();
    Connection().TestBody();
  });
}

// K6
TEST_F(AwayTest, AServerThatAnswersNoPacketIsFollowedWithinTenSecondsOfItsReturn) {
  base::Netns::create().run([] {
    set_up_network();
    Return().TestBody();
  });
}

}  // namespace
}  // namespace test
