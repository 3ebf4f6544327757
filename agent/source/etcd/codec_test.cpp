// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using testing::ElementsAre;

// The replies are etcd 3.4.23's, as it sent them.

TEST(EtcdCodec, WritesKeysInBase64AndNumbersAsStrings) {
  EXPECT_EQ(range_request({.key = "/x/", .end = "/x0", .limit = 500, .revision = 7}),
            R"({"key":"L3gv","range_end":"L3gw","limit":"500","revision":"7"})");
  EXPECT_EQ(range_request({.key = "/x/a"}), R"({"key":"L3gvYQ=="})");
  EXPECT_EQ(grant_request(5), R"({"TTL":"5"})");
  EXPECT_EQ(lease_request(7668682377448474377), R"({"ID":"7668682377448474377"})");
  EXPECT_EQ(authenticate_request("a\"b", "p\\w"), R"({"name":"a\"b","password":"p\\w"})");
  EXPECT_EQ(watch_request("/x/", "/x0", 3),
            R"({"create_request":{"key":"L3gv","range_end":"L3gw","start_revision":"3",)"
            R"("progress_notify":true}})");
}

TEST(EtcdCodec, WritesAComparedZero) {
  using Target = Compare::Target;
  EXPECT_EQ(
      txn_request({{.target = Target::version_is, .key = "/x/a", .value = 0},
                   {.target = Target::modified_before, .key = "/x/", .end = "/x0", .value = 3}},
                  {.key = "/x/a", .value = "hi", .lease = 9}),
      R"({"compare":[{"target":"VERSION","result":"EQUAL","key":"L3gvYQ==","version":"0"},)"
      R"({"target":"MOD","result":"LESS","key":"L3gv","range_end":"L3gw","mod_revision":"3"}],)"
      R"("success":[{"request_put":{"key":"L3gvYQ==","value":"aGk=","lease":"9"}}]})");
}

TEST(EtcdCodec, RemovesOneKeyBeforeItWritesAnother) {  // L1
  EXPECT_EQ(
      replacement_request({{.target = Compare::Target::modified_at, .key = "/x/a", .value = 7}},
                          "/x/a", {.key = "/x/b", .value = "hi", .lease = 9}),
      R"({"compare":[{"target":"MOD","result":"EQUAL","key":"L3gvYQ==","mod_revision":"7"}],)"
      R"("success":[{"request_delete_range":{"key":"L3gvYQ=="}},)"
      R"({"request_put":{"key":"L3gvYg==","value":"aGk=","lease":"9"}}]})");
}

TEST(EtcdCodec, EndsAPrefixAtTheNextKeyOutsideIt) {
  EXPECT_EQ(end_of_prefix("/x/"), "/x0");
  EXPECT_EQ(end_of_prefix("a\xff"), "b");
  EXPECT_EQ(end_of_prefix("\xff"), std::string(1, '\0'));
}

TEST(EtcdCodec, ReadsARange) {
  const auto reply = parse_range(
      R"({"header":{"cluster_id":"2037210783374497686","member_id":"13195394291058371180",)"
      R"("revision":"3","raft_term":"2"},"kvs":[{"key":"L3gvYQ==","create_revision":"2",)"
      R"("mod_revision":"2","version":"1","value":"aGk=","lease":"7668682377448474377"}],)"
      R"("more":true,"count":"2"})");
  EXPECT_EQ(reply.header.cluster_id, 2037210783374497686u);
  EXPECT_EQ(reply.header.revision, 3);
  EXPECT_TRUE(reply.more);
  EXPECT_THAT(reply.kvs, ElementsAre(KeyValue{.key = "/x/a",
                                              .value = "hi",
                                              .mod_revision = 2,
                                              .lease = 7668682377448474377,
                                              .create_revision = 2}));
}

TEST(EtcdCodec, TakesAbsentMembersForZero) {
  EXPECT_TRUE(parse_range(R"({"header":{"revision":"1"}})").kvs.empty());
  EXPECT_FALSE(parse_txn(R"({"header":{"revision":"2"}})").succeeded);
  EXPECT_TRUE(parse_txn(R"({"header":{"revision":"2"},"succeeded":true})").succeeded);
  EXPECT_EQ(parse_keepalive("{\"result\":{\"header\":{},\"ID\":\"12345\"}}\n").ttl, 0);
  EXPECT_EQ(parse_keepalive("{\"result\":{\"header\":{},\"ID\":\"1\",\"TTL\":\"5\"}}\n").ttl, 5);
  EXPECT_EQ(parse_grant(R"({"header":{},"ID":"7","TTL":"5"})").id, 7);
  EXPECT_EQ(parse_token(R"({"header":{},"token":"kNvgXuAxsWNdTCnM.15"})"), "kNvgXuAxsWNdTCnM.15");
}

TEST(EtcdCodec, ReadsEvents) {
  const auto reply =
      parse_watch(R"({"result":{"header":{"revision":"5"},"events":[{"kv":{"key":"L3gvYQ==",)"
                  R"("mod_revision":"4","value":"aGk="}},{"type":"DELETE","kv":{"key":"L3gvYg==",)"
                  R"("mod_revision":"5"}}]}})");
  ASSERT_EQ(reply.events.size(), 2u);
  EXPECT_FALSE(reply.events[0].removed);
  EXPECT_EQ(reply.events[0].kv.value, "hi");
  EXPECT_TRUE(reply.events[1].removed);
  EXPECT_EQ(reply.events[1].kv.key, "/x/b");
  EXPECT_EQ(reply.events[1].kv.mod_revision, 5);
}

TEST(EtcdCodec, DistinguishesCompactionFromOtherEnds) {
  const auto compacted = parse_watch(
      R"({"result":{"header":{"cluster_id":"1"},"canceled":true,"compact_revision":"3"}})");
  EXPECT_TRUE(compacted.canceled);
  EXPECT_EQ(compacted.compact_revision, 3);
  const auto token = parse_watch(
      R"({"result":{"header":{"revision":"2"},"watch_id":"-1","created":true,"canceled":true,)"
      R"("cancel_reason":"rpc error: code = Unauthenticated desc = etcdserver: invalid auth )"
      R"(token"}})");
  EXPECT_TRUE(token.canceled);
  EXPECT_TRUE(wants_new_token(token.reason));
  const auto error = parse_watch(R"({"error":{"grpc_code":14,"message":"etcdserver: no leader"}})");
  EXPECT_TRUE(error.canceled);
  EXPECT_EQ(error.reason, "etcdserver: no leader");
  EXPECT_FALSE(wants_new_token(error.reason));
}

TEST(EtcdCodec, RefusesATextThatIsNotAReply) {
  for (const char* body :
       {"", "[]", "{", R"({"kvs":[{"key":"*"}]})", R"({"header":{"revision":"x"}})",
        R"({"header":{"revision":7}})", R"({"kvs":{}})", R"({"header":{"revision":"1 "}})"})
    EXPECT_THROW(parse_range(body), cni::Error) << body;
  EXPECT_THROW(parse_keepalive("{}"), cni::Error);
  EXPECT_THROW(parse_watch("{\"result\":{\"events\":[{\"kv\":"), cni::Error);
  EXPECT_THROW(parse_watch("{}"), cni::Error);
}

TEST(EtcdCodec, ShowsARefusalInOneLine) {
  EXPECT_EQ(
      parse_refusal(400, R"({"error":"x","message":"etcdserver: user name is empty","code":3})")
          .text,
      "HTTP 400: etcdserver: user name is empty");
  EXPECT_EQ(parse_refusal(502, "<html>\n<b>\x1b[1mBad").text,
            R"(HTTP 502: <html>\n<b>\u001b[1mBad)");
  EXPECT_EQ(parse_refusal(503, "").text, "HTTP 503");
  EXPECT_LT(parse_refusal(500, std::string(4000, 'x')).text.size(), 200u);
}

TEST(EtcdCodec, ReadsTheCodeOfARefusal) {
  EXPECT_EQ(parse_refusal(404, R"({"error":"etcdserver: requested lease not found","code":5,)"
                               R"("message":"etcdserver: requested lease not found"})")
                .code,
            kNotFound);
  for (const char* body : {"", "Not Found", "[]", R"({"message":"x"})",
                           R"({"message":"x","code":"5"})", R"({"message":[],"code":5})"})
    EXPECT_EQ(parse_refusal(404, body).code, 0) << body;
}

}  // namespace
}  // namespace agent::etcd
