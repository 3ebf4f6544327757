// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/etcd_calls.h"
#include "tests/support/test_loop.h"

namespace agent::etcd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kGrant = "/v3/lease/grant";
constexpr const char* kKeepalive = "/v3/lease/keepalive";

std::string granted(int id) {
  return R"({"ID":")" + std::to_string(id) + R"(","TTL":"30"})";
}

std::string alive(int ttl) {
  return R"({"result":{"ID":"7")" + (ttl == 0 ? "" : R"(,"TTL":")" + std::to_string(ttl) + "\"") +
         "}}";
}

class LeaseTest : public testing::Test {
 protected:
  /// Acquires the lease 7, whose first keepalive is due in 10 s.
  void hold() {
    lease_.grant();
    calls_.answer_body(granted(7));
    events_.clear();
  }
  /// Waits for the next keepalive and answers it.
  void keep_alive(const CallResult& result) {
    loop_.advance(seconds(10));
    ASSERT_EQ(calls_.path(), kKeepalive);
    ASSERT_TRUE(calls_.is_waiting());
    calls_.answer(result);
  }

  test::TestLoop loop_;
  test::EtcdCalls calls_;
  std::vector<std::string> events_;
  Lease lease_{calls_,
               loop_,
               seconds(30),
               {.acquired = [this] { events_.emplace_back("acquired"); },
                .failed = [this](const std::string& error) { events_.push_back(error); },
                .expired = [this] { events_.emplace_back("expired"); }}};
};

TEST_F(LeaseTest, HasTheGrantedIdOnceEtcdAnswers) {
  lease_.grant();
  EXPECT_EQ(calls_.path(), kGrant);
  EXPECT_EQ(calls_.body(), R"({"TTL":"30"})");
  EXPECT_TRUE(lease_.is_pending());
  EXPECT_EQ(lease_.id(), 0);
  calls_.answer_body(granted(7));
  EXPECT_FALSE(lease_.is_pending());
  EXPECT_EQ(lease_.id(), 7);
  EXPECT_THAT(events_, ElementsAre("acquired"));
}

TEST_F(LeaseTest, ReportsAGrantThatFails) {
  lease_.grant();
  calls_.answer({.error = "no route to host"});
  lease_.grant();
  calls_.answer_body("<html>");
  EXPECT_EQ(lease_.id(), 0);
  EXPECT_FALSE(lease_.is_pending());
  EXPECT_THAT(events_, ElementsAre("no route to host", HasSubstr("etcd's reply")));
}

TEST_F(LeaseTest, TakesOverALeaseOfItsLength) {
  lease_.check(7);
  EXPECT_EQ(calls_.path(), kKeepalive);
  EXPECT_EQ(calls_.body(), R"({"ID":"7"})");
  EXPECT_EQ(lease_.id(), 0);
  calls_.answer_body(alive(30));
  EXPECT_EQ(lease_.id(), 7);
  EXPECT_THAT(events_, ElementsAre("acquired"));
}

TEST_F(LeaseTest, RequestsANewLeaseInsteadOfOneWithAnotherLengthOrNone) {
  for (const int ttl : {3600, 0}) {
    lease_.check(7);
    calls_.answer_body(alive(ttl));
    EXPECT_EQ(calls_.path(), kGrant);
    EXPECT_TRUE(lease_.is_pending());
    calls_.answer_body(granted(8));
    EXPECT_EQ(lease_.id(), 8);
    lease_.abandon();
  }
}

TEST_F(LeaseTest, RenewsAtAThirdOfItsLength) {
  hold();
  for (int i = 0; i < 3; ++i) {
    const std::size_t before = calls_.count();
    loop_.advance(milliseconds(9999));
    EXPECT_EQ(calls_.count(), before);
    loop_.advance(milliseconds(1));
    ASSERT_EQ(calls_.count(), before + 1);
    EXPECT_EQ(calls_.path(), kKeepalive);
    EXPECT_EQ(calls_.body(), R"({"ID":"7"})");
    calls_.answer_body(alive(30));
  }
  EXPECT_EQ(lease_.errors(), 0u);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(LeaseTest, RenewsALongLeaseEveryMinute) {
  Lease day(calls_, loop_, std::chrono::hours(24),
            {.acquired = [] {}, .failed = {}, .expired = {}});
  day.grant();
  calls_.answer_body(granted(9));
  loop_.advance(seconds(59));
  EXPECT_EQ(calls_.path(), kGrant);
  loop_.advance(seconds(1));
  EXPECT_EQ(calls_.path(), kKeepalive);
}

TEST_F(LeaseTest, KeepsTheLeaseAndRenewsSoonerWhenARenewalFails) {
  hold();
  for (const CallResult& failure :
       {CallResult{.error = "connection refused"}, CallResult{.body = "<html>Bad gateway"}}) {
    keep_alive(failure);
    EXPECT_EQ(lease_.id(), 7);
    EXPECT_LE(loop_.next_timer().value() - loop_.now(), seconds(4));
  }
  EXPECT_EQ(lease_.errors(), 2u);
  for (int i = 0; i < 10; ++i) keep_alive({.error = "connection refused"});
  EXPECT_LE(loop_.next_timer().value() - loop_.now(), seconds(10)) << "no longer than a third";
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(LeaseTest, ExpiresWhenEtcdHasRemovedIt) {
  hold();
  keep_alive({.body = alive(0)});
  EXPECT_EQ(lease_.id(), 0);
  EXPECT_THAT(events_, ElementsAre("expired"));
  EXPECT_EQ(loop_.next_timer(), std::nullopt) << "it is not renewed any more";
}

TEST_F(LeaseTest, IsNotRenewedOnceItIsAbandoned) {
  hold();
  loop_.advance(seconds(10));
  ASSERT_TRUE(calls_.is_waiting());
  lease_.abandon();
  EXPECT_FALSE(calls_.is_waiting()) << "an answer would set the timer again";
  EXPECT_EQ(lease_.id(), 0);
  EXPECT_EQ(loop_.next_timer(), std::nullopt);
  hold();
  lease_.abandon();
  EXPECT_EQ(loop_.next_timer(), std::nullopt);
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(LeaseTest, LeavesNoTimerAndNoCallWhenItEnds) {
  {
    Lease pending(calls_, loop_, seconds(30), {});
    pending.grant();
  }
  EXPECT_FALSE(calls_.is_waiting());
  {
    Lease held(calls_, loop_, seconds(30), {.acquired = [] {}, .failed = {}, .expired = {}});
    held.grant();
    calls_.answer_body(granted(7));
  }
  EXPECT_EQ(loop_.next_timer(), std::nullopt);
}

}  // namespace
}  // namespace agent::etcd
