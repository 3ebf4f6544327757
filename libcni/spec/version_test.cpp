// SPDX-License-Identifier: Apache-2.0
#include "libcni/spec/version.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace cni {
namespace {

// S-055 R-019
TEST(Version, R019_ReadsUpToThreeNumbers) {
  EXPECT_EQ(Version::parse(""), (Version{0, 1, 0}));
  EXPECT_EQ(Version::parse("1.1.0"), (Version{1, 1, 0}));
  EXPECT_EQ(Version::parse("1.1"), (Version{1, 1, 0}));
  EXPECT_EQ(Version::parse("1"), (Version{1, 0, 0}));
  EXPECT_EQ(Version::parse("0.10.2"), (Version{0, 10, 2}));
  for (const char* text : {"v1.0.0", "1.0.0-rc1", "abc", ".", "1.", ".1", "1..0", "1.0.0.0",
                           "-1.0.0", " 1.0.0", "1.0.0 ", "99999999999.0.0", "+1.0.0"})
    EXPECT_EQ(Version::parse(text), std::nullopt) << text;
}

TEST(Version, ComparesNumberByNumber) {
  EXPECT_LT((Version{0, 9, 9}), (Version{0, 10, 0}));
  EXPECT_LT((Version{0, 10, 0}), (Version{1, 0, 0}));
  EXPECT_EQ((Version{1, 1, 0}).text(), "1.1.0");
}

// S-082
TEST(Version, S082_AllVersionsAscend) {
  EXPECT_TRUE(std::ranges::is_sorted(kVersions));
  EXPECT_EQ(std::ranges::adjacent_find(kVersions), kVersions.end());
}

// S-069
TEST(Version, S069_SupportedOnesMatchLiterally) {
  EXPECT_EQ(find_supported("0.3.1"), (Version{0, 3, 1}));
  EXPECT_EQ(find_supported(""), (Version{0, 1, 0}));
  for (const char* text : {"1.1", "1.0", "01.0.0", "0.5.0", "1.2.0"})
    EXPECT_EQ(find_supported(text), std::nullopt) << text;
}

}  // namespace
}  // namespace cni
