// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/loop.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class LoopTest : public testing::Test {
 protected:
  void set_timer(milliseconds delay, int name) {
    loop_.after(delay, [this, name] { ran_.push_back(name); });
  }
  test::TestLoop loop_;
  std::vector<int> ran_;
};

TEST_F(LoopTest, RunsTimersInTheOrderOfTheirTimes) {
  set_timer(milliseconds(20), 2);
  set_timer(milliseconds(10), 1);
  set_timer(milliseconds(30), 3);
  loop_.advance(milliseconds(20));
  EXPECT_EQ(ran_, std::vector({1, 2}));
  loop_.advance(milliseconds(10));
  EXPECT_EQ(ran_, std::vector({1, 2, 3}));
}

TEST_F(LoopTest, RunsNoTimerWhileTheClockStandsStill) {
  set_timer(milliseconds(1), 1);
  for (int i = 0; i < 3; ++i) loop_.turn(milliseconds(1));
  EXPECT_TRUE(ran_.empty());
  EXPECT_EQ(loop_.next_timer(), loop_.now() + milliseconds(1));
}

TEST_F(LoopTest, RunsATimerSetByATimerAtItsOwnTime) {
  const auto begin = loop_.now();
  Loop::Clock::time_point ran_at;
  loop_.after(hours(1), [&] { loop_.after(hours(2), [&] { ran_at = loop_.now(); }); });
  loop_.advance(hours(4));
  EXPECT_EQ(ran_at, begin + hours(3));
}

TEST_F(LoopTest, DoesNotRunACancelledTimer) {
  const auto timer = loop_.after(milliseconds(1), [&] { ran_.push_back(1); });
  loop_.cancel(timer);
  loop_.advance(hours(1));
  EXPECT_TRUE(ran_.empty());
  EXPECT_EQ(loop_.next_timer(), std::nullopt);
}

TEST_F(LoopTest, RunsNothingElseInATurnAfterStop) {
  loop_.after(milliseconds(1), [&] { loop_.stop(); });
  set_timer(milliseconds(1), 2);
  loop_.advance(milliseconds(0));
  loop_.spend(milliseconds(1));
  loop_.turn(milliseconds(0));
  EXPECT_TRUE(ran_.empty());
}

}  // namespace
}  // namespace agent
