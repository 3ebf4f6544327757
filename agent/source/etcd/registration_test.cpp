// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/etcd_calls.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_loop.h"

namespace agent::etcd {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kGrant = "/v3/lease/grant";
constexpr const char* kTxn = "/v3/kv/txn";
constexpr const char* kWon = R"({"header":{"revision":"5"},"succeeded":true})";
constexpr const char* kLostRace = R"({"header":{"revision":"5"}})";

class RegistrationTest : public testing::Test {
 protected:
  RegistrationTest() {
    config_.node_name = "a";
    config_.addresses = {*base::IpAddress::parse("10.0.0.1")};
    config_.ranges = {*base::Prefix::parse("10.5.1.0/24")};
    config_.state_dir = dir_.path();
    config_.etcd.lease_seconds = 3600;  // no renewal between the calls
    view_.advance(4);
  }
  void start() {
    registration_.emplace(config_, calls_, loop_, [this] { ++changes_; });
    registration_->publish({.name = "a", .addresses = config_.addresses});
    registration_->look(view_, true);
  }
  void answer_grant(int id) {
    ASSERT_EQ(calls_.path(), kGrant);
    calls_.answer_body(R"({"ID":")" + std::to_string(id) + R"(","TTL":"30"})");
  }

  test::TempDir dir_;
  test::TestLoop loop_;
  test::EtcdCalls calls_;
  Config config_;
  View view_{"/plumb", {}};
  int changes_ = 0;
  std::optional<Registration> registration_;
};

TEST_F(RegistrationTest, ClaimsARangeUnderALeaseOfItsOwn) {
  start();
  answer_grant(7);
  ASSERT_EQ(calls_.path(), kTxn);
  EXPECT_THAT(calls_.body(), HasSubstr(R"("lease":"7")"));
  EXPECT_EQ(registration_->self(), std::nullopt);
  calls_.answer_body(kWon);
  ASSERT_TRUE(registration_->self());
  EXPECT_THAT(registration_->self()->ranges, ElementsAre(config_.ranges.front()));
  EXPECT_EQ(registration_->errors(), 0u);
}

TEST_F(RegistrationTest, RequestsANewLeaseWhenThatOfATransactionIsGone) {
  start();
  answer_grant(7);
  calls_.answer({.error = "/v3/kv/txn: HTTP 404: some words", .refused = true, .code = kNotFound});
  EXPECT_EQ(registration_->errors(), 1u);
  loop_.advance(seconds(2));
  answer_grant(8);
  ASSERT_EQ(calls_.path(), kTxn);
  EXPECT_THAT(calls_.body(), HasSubstr(R"("lease":"8")"));
}

TEST_F(RegistrationTest, KeepsItsLeaseWhenATransactionFailsForAnotherReason) {
  start();
  answer_grant(7);
  for (const CallResult& failure :
       {CallResult{.error = "connection refused"}, CallResult{.body = "<html>"},
        CallResult{.error = "HTTP 400: too many", .refused = true, .code = 3}}) {
    calls_.answer(failure);
    loop_.advance(seconds(8));
    ASSERT_EQ(calls_.path(), kTxn) << failure.error;
    EXPECT_THAT(calls_.body(), HasSubstr(R"("lease":"7")"));
    ASSERT_TRUE(calls_.is_waiting());
  }
  EXPECT_EQ(registration_->errors(), 3u);
}

TEST_F(RegistrationTest, TriesAgainWithoutAnErrorWhenAnotherNodeWasFaster) {
  start();
  answer_grant(7);
  const std::size_t before = calls_.count();
  calls_.answer_body(kLostRace);
  EXPECT_EQ(calls_.count(), before);
  loop_.advance(std::chrono::milliseconds(40));
  EXPECT_EQ(calls_.count(), before + 1);
  EXPECT_EQ(registration_->errors(), 0u);
}

TEST_F(RegistrationTest, NamesTheHolderOfItsPinnedRangeUntilItIsFree) {
  const KeyValue held{.key = "/plumb/subnets/10.5.1.0-24",
                      .value = R"({"PublicIP":"10.0.0.2","BackendType":"vxlan",)"
                               R"("BackendData":{"VNI":1,"VtepMAC":"02:76:0a:00:00:02"}})",
                      .mod_revision = 3};
  view_.put(held);
  start();
  EXPECT_THAT(registration_->problems(), ElementsAre(HasSubstr("range 10.5.1.0/24 is held by")));
  EXPECT_EQ(calls_.count(), 0u);
  const int before = changes_;
  registration_->look(view_, false);
  EXPECT_EQ(changes_, before) << "the same problem is not a change";
  view_.remove(held);
  registration_->look(view_, false);
  EXPECT_THAT(registration_->problems(), IsEmpty());
  EXPECT_EQ(changes_, before + 1);
  EXPECT_EQ(calls_.path(), kGrant);
}

}  // namespace
}  // namespace agent::etcd
