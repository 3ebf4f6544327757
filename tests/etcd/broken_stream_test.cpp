// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/runtime/base64.h"
#include "tests/agent_api/replay_server.h"
#include "tests/etcd/node.h"

namespace {

using test::kSubnets;
using test::Node;
using testing::HasSubstr;

std::string event(const std::string& key, const std::string& address, int revision) {
  return R"({"result":{"header":{"revision":")" + std::to_string(revision) +
         R"("},"events":[{"kv":{"key":")" + runtime::encode_base64(kSubnets + key) +
         R"(","mod_revision":")" + std::to_string(revision) + R"(","value":")" +
         runtime::encode_base64(test::flannel_record(address)) + "\"}}]}}\n";
}

const std::string kCreated =
    "HTTP/1.1 200 OK\n\n{\"result\":{\"header\":{\"revision\":\"99\"},\"created\":true}}\n";

/// A double of etcd's gateway: a real etcd cannot be made to break a line in two.
class EtcdBrokenStream : public testing::Test {
 protected:
  EtcdBrokenStream() {
    node.config.addresses.clear();
    server.respond("/v3/kv/range", "200 OK", R"({"header":{"revision":"7"}})");
  }
  void stream(const std::string& lines, const std::string& after) {
    server.exchange({{"target", "/v3/watch"}, {"text", kCreated + lines}, {"after", after}});
  }
  test::ReplayServer server;
  Node node{server.url(), "10.0.0.1"};
};

TEST_F(EtcdBrokenStream, DropsAnIncompleteEventAndRequestsItAgain) {
  const std::string second = event("10.5.3.0-24", "10.0.0.3", 9);
  stream(event("10.5.2.0-24", "10.0.0.2", 8) + second.substr(0, second.size() / 2), "close");
  stream(second, "hold");
  node.start();
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.3"); })) << node.state();
  EXPECT_TRUE(node.has("10.0.0.2"));
  EXPECT_EQ(node.problems(), "");
  EXPECT_THAT(server.requests().back().at("body").get<std::string>(),
              HasSubstr(R"("start_revision":"9")"));
}

TEST_F(EtcdBrokenStream, ReadsALineThatComesByteByByte) {
  server.exchange({{"target", "/v3/watch"},
                   {"text", kCreated + event("10.5.2.0-24", "10.0.0.2", 8)},
                   {"chunk", 1},
                   {"after", "hold"}});
  node.start();
  EXPECT_TRUE(node.wait_for([&] { return node.has("10.0.0.2"); })) << node.state();
}

TEST_F(EtcdBrokenStream, BeginsAgainAfterALineThatIsNotJson) {
  stream("{\"result\":{\"events\":[}}\n", "hold");
  stream(event("10.5.2.0-24", "10.0.0.2", 8), "hold");
  node.start();
  EXPECT_TRUE(node.wait_for([&] { return node.has("10.0.0.2"); })) << node.state();
  EXPECT_EQ(node.source().status().watch_restarts, 1u);
}

// After a progress notification without events, earlier events need not be requested again.
TEST_F(EtcdBrokenStream, ContinuesFromTheLastProgressNotification) {
  stream("{\"result\":{\"header\":{\"revision\":\"50\"}}}\n", "close");
  server.exchange({{"target", "/v3/watch"},
                   {"text",
                    "HTTP/1.1 200 OK\n\n{\"result\":{\"header\":{\"revision\":\"50\"},"
                    "\"created\":true}}\n" +
                        event("10.5.2.0-24", "10.0.0.2", 51)},
                   {"after", "hold"}});
  node.start();
  ASSERT_TRUE(node.wait_for([&] { return node.has("10.0.0.2"); })) << node.state();
  EXPECT_THAT(server.requests().back().at("body").get<std::string>(),
              HasSubstr(R"("start_revision":"51")"));
}

}  // namespace
