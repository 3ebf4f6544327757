// SPDX-License-Identifier: Apache-2.0
#include "libcni/log/repeats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace logging {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;

const Repeats::Time kStart{};

TEST(Repeats, WritesALineOnceWithinTheWindowAndReportsTheNumber) {
  Repeats repeats;
  EXPECT_TRUE(repeats.admit(Level::warning, "down", kStart));
  EXPECT_FALSE(repeats.admit(Level::warning, "down", kStart + seconds(1)));
  EXPECT_FALSE(repeats.admit(Level::warning, "down", kStart + seconds(9)));
  EXPECT_THAT(repeats.take_passed(kStart + seconds(9)), IsEmpty());
  const auto reports = repeats.take_passed(kStart + kRepeatWindow);
  ASSERT_EQ(1u, reports.size());
  EXPECT_EQ("down (2 more within 10 s)", reports[0].line);
  EXPECT_EQ(Level::warning, reports[0].level);
}

TEST(Repeats, WritesALineAgainAfterTheWindow) {
  Repeats repeats;
  EXPECT_TRUE(repeats.admit(Level::info, "up", kStart));
  EXPECT_THAT(repeats.take_passed(kStart + kRepeatWindow), IsEmpty());
  EXPECT_TRUE(repeats.admit(Level::info, "up", kStart + kRepeatWindow));
}

TEST(Repeats, KeepsLinesOfAnotherTextOrLevelApart) {
  Repeats repeats;
  EXPECT_TRUE(repeats.admit(Level::info, "a", kStart));
  EXPECT_TRUE(repeats.admit(Level::info, "b", kStart));
  EXPECT_TRUE(repeats.admit(Level::error, "a", kStart));
  EXPECT_FALSE(repeats.admit(Level::info, "a", kStart));
}

TEST(Repeats, WritesEveryLineOfAFlood) {
  Repeats repeats;
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(repeats.admit(Level::info, "line " + std::to_string(i), kStart));
  EXPECT_THAT(repeats.take_passed(kStart + kRepeatWindow), IsEmpty());
}

}  // namespace
}  // namespace logging
