// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/backoff.h"

#include <set>

#include <gtest/gtest.h>

namespace agent {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesFromTheLeastToTheMostAndBeginsAgain) {
  Backoff backoff(milliseconds(100), milliseconds(1000));
  for (int round = 0; round < 2; ++round, backoff.reset())
    for (const int limit : {200, 400, 800, 1000, 1000}) {
      const milliseconds wait = backoff.next();
      EXPECT_GE(wait, milliseconds(limit / 2));
      EXPECT_LE(wait, milliseconds(limit));
    }
}

// K6
TEST(Backoff, StaysShortOnceTheServerAnswered) {
  Backoff backoff(milliseconds(1000), kRetryMost);
  for (int i = 0; i < 10; ++i) backoff.next();
  EXPECT_GE(backoff.next(), kRetryMost / 2);
  backoff.answered();
  EXPECT_LE(backoff.next(), milliseconds(2000));
  for (int i = 0; i < 10; ++i) EXPECT_LE(backoff.next(), kRetryKnown);
}

TEST(Backoff, TheFirstAndTheLongestWaitDifferFromNodeToNode) {
  std::set<milliseconds> first, longest;
  for (int node = 0; node < 50; ++node) {
    Backoff backoff(milliseconds(1000), milliseconds(4000));
    first.insert(backoff.next());
    backoff.next();
    longest.insert(backoff.next());
  }
  EXPECT_GT(first.size(), 20u);
  EXPECT_GT(longest.size(), 20u);
}

}  // namespace
}  // namespace agent
