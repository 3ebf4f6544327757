// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/nearest.h"

#include <array>

#include <gtest/gtest.h>

namespace base {
namespace {

constexpr std::array<std::string_view, 5> kKnown{"status", "nodes", "bfd", "asNumber",
                                                 "attachments"};

TEST(Nearest, FindsTheNearestKnownWord) {
  EXPECT_EQ(nearest("statsu", kKnown), "status");
  EXPECT_EQ(nearest("bdf", kKnown), "bfd");
  EXPECT_EQ(nearest("ASNUMBER", kKnown), "asNumber");
  EXPECT_EQ(nearest("attachmnts", kKnown), "attachments");
  EXPECT_EQ(nearest("att", kKnown), "attachments");
  EXPECT_EQ(nearest("node", kKnown), "nodes");
  EXPECT_EQ(did_you_mean("statsu", kKnown), ", did you mean \"status\"?");
}

TEST(Nearest, FindsNothingWhenNoKnownWordIsNear) {
  for (const char* word : {"", "x", "run", "metrics", "stopped", "numbers"})
    EXPECT_EQ(nearest(word, kKnown), "") << word;
  EXPECT_EQ(nearest("status", {}), "");
  EXPECT_EQ(did_you_mean("metrics", kKnown), "");
}

}  // namespace
}  // namespace base
