// SPDX-License-Identifier: Apache-2.0
#include "agent/triggers/reconciler.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/support/test_loop.h"

namespace agent {
namespace {

using Needed = Reconciler::Needed;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ReconcilerTest : public testing::Test {
 protected:
  Reconciler::Run counting(int& count, const std::string& problem = {}) {
    return [&count, problem]() -> DriverRun {
      ++count;
      if (!problem.empty()) throw std::runtime_error(problem);
      return {.writes = 1};
    };
  }

  test::TestLoop loop_;
  Reconciler reconciler_{loop_, seconds(60)};
};

TEST_F(ReconcilerTest, MakesTwoRoundsForABurstOfRequests) {
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs));
  for (int i = 0; i < 50; ++i) {
    reconciler_.request_round();
    loop_.turn(milliseconds(0));
  }
  EXPECT_EQ(runs, 1);
  loop_.advance(milliseconds(60));
  EXPECT_EQ(runs, 2);
}

// K9
TEST_F(ReconcilerTest, RunsAtOnceAfterTheFirstRequest) {
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs));
  reconciler_.request_round();
  loop_.turn(milliseconds(0));
  EXPECT_EQ(runs, 1);
}

// K9
TEST_F(ReconcilerTest, RunsWithinMillisecondsAfterAShortRound) {
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs));
  for (int i = 1; i <= 5; ++i) {
    loop_.advance(milliseconds(5));
    reconciler_.request_round();
    loop_.advance(milliseconds(0));
    EXPECT_EQ(runs, i);
  }
}

// K9
TEST_F(ReconcilerTest, CollectsRequestsForTheTimeOfALongRound) {
  int runs = 0;
  reconciler_.add("one", Needed::no, [&]() -> DriverRun {
    ++runs;
    loop_.spend(milliseconds(60));
    return {.writes = 1};
  });
  reconciler_.run_now();
  for (int i = 0; i < 4; ++i) {
    reconciler_.request_round();
    loop_.advance(milliseconds(10));
  }
  loop_.advance(milliseconds(19));
  EXPECT_EQ(runs, 1);
  loop_.advance(milliseconds(1));
  EXPECT_EQ(runs, 2);
}

TEST_F(ReconcilerTest, WaitsATenthOfASecondAfterAVeryLongRound) {
  int runs = 0;
  reconciler_.add("one", Needed::no, [&]() -> DriverRun {
    if (++runs == 1) loop_.spend(milliseconds(400));
    return {.writes = 1};
  });
  reconciler_.run_now();
  reconciler_.request_round();
  loop_.advance(milliseconds(99));
  EXPECT_EQ(runs, 1);
  loop_.advance(milliseconds(1));
  EXPECT_EQ(runs, 2);
}

TEST_F(ReconcilerTest, DoesNotDelayAChangeAfterAnEventOfItsOwn) {
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs));
  reconciler_.run_now();
  reconciler_.request_round(true);
  loop_.advance(milliseconds(100));
  EXPECT_EQ(runs, 2);
  reconciler_.request_round();
  loop_.advance(milliseconds(0));
  EXPECT_EQ(runs, 3);
}

TEST_F(ReconcilerTest, RetriesAFailingDriverAlone) {
  int good = 0;
  int bad = 0;
  reconciler_.add("good", Needed::no, counting(good));
  reconciler_.add("bad", Needed::no, counting(bad, "no way"));
  reconciler_.run_now();
  reconciler_.request_round();
  loop_.advance(milliseconds(200));
  EXPECT_EQ(good, 2);
  EXPECT_EQ(bad, 1);
  EXPECT_EQ(reconciler_.status()[1].problem, "no way");
  loop_.advance(seconds(1));
  EXPECT_EQ(bad, 2);
}

TEST_F(ReconcilerTest, StopsARoundAtAFailingNeededDriver) {
  int plan = 0;
  int kernel = 0;
  reconciler_.add("plan", Needed::always, counting(plan, "no address"));
  reconciler_.add("kernel", Needed::once, counting(kernel));
  reconciler_.run_now();
  EXPECT_EQ(plan, 1);
  EXPECT_EQ(kernel, 0);
  EXPECT_FALSE(reconciler_.status()[1].done_once);
}

TEST_F(ReconcilerTest, RetriesAtOnceWhenTheRestsEnd) {  // L4
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs, "a device is in the way"));
  reconciler_.run_now();
  reconciler_.request_round(true);
  loop_.advance(milliseconds(150));
  EXPECT_EQ(runs, 1) << "a failure rests for a second";
  reconciler_.end_rests();
  reconciler_.request_round(true);
  loop_.advance(milliseconds(150));
  EXPECT_EQ(runs, 2);
}

TEST_F(ReconcilerTest, SlowsDownWhenAnotherProgramRewritesObjects) {
  int runs = 0;
  reconciler_.add("kernel", Needed::no, counting(runs));
  reconciler_.set_done([this] { reconciler_.request_round(true); });
  reconciler_.request_round(true);
  loop_.advance(milliseconds(2000));
  EXPECT_EQ(runs, 7) << "six are a tenth of a second apart, then one in 0.8 s";
}

TEST_F(ReconcilerTest, MakesARoundWithoutARequestAfterTheResyncTime) {
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs));
  reconciler_.run_now();
  loop_.advance(seconds(47));
  EXPECT_EQ(runs, 1);
  loop_.advance(seconds(26));
  EXPECT_EQ(runs, 2);
}

TEST_F(ReconcilerTest, DoublesTheRestOfADriverThatKeepsFailing) {
  int runs = 0;
  reconciler_.add("one", Needed::no, counting(runs, "no way"));
  reconciler_.run_now();
  for (const int rest : {1, 2, 4, 8, 16, 32}) {
    const int before = runs;
    const auto wait = loop_.next_timer().value() - loop_.now();
    EXPECT_GE(wait, milliseconds(rest * 800));
    EXPECT_LE(wait, milliseconds(rest * 1200));
    loop_.advance(wait);
    EXPECT_EQ(runs, before + 1) << rest;
  }
}

TEST(Histogram, CountsEachValueInItsBuckets) {
  Histogram histogram;
  histogram.add(0.02);
  histogram.add(30);
  EXPECT_EQ(histogram.count, 2u);
  EXPECT_EQ(histogram.at_most.front(), 0u);
  EXPECT_EQ(histogram.at_most[2], 1u);
  EXPECT_EQ(histogram.at_most.back(), 1u);
}

}  // namespace
}  // namespace agent
