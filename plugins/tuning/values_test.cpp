// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/values.h"

#include <gtest/gtest.h>

namespace tuning {
namespace {

TEST(SysctlValues, WhiteSpaceDoesNotMatter) {
  EXPECT_TRUE(same_value("4096\t87380\t6291456", "4096 87380 6291456"));
  EXPECT_TRUE(same_value("1", " 1\n"));
  EXPECT_TRUE(same_value("", ""));
  EXPECT_FALSE(same_value("4096\t87380", "409687380"));
  EXPECT_FALSE(same_value("1", ""));
}

TEST(SysctlValues, NumbersAreComparedAsNumbers) {
  EXPECT_TRUE(same_value("16", "0x10"));
  EXPECT_TRUE(same_value("-1", "-01"));
  EXPECT_FALSE(same_value("1", "2"));
  EXPECT_FALSE(same_value("cubic", "reno"));
  EXPECT_FALSE(same_value("1", "cubic"));
  EXPECT_FALSE(same_value("99999999999999999999", "99999999999999999998"));
}

TEST(SysctlValues, ListsOfPortsAreComparedAsSets) {
  EXPECT_TRUE(same_value("8080-8081,9148", "9148,8081,8080"));
  EXPECT_TRUE(same_value("80-90", "80-85,85-90"));
  EXPECT_FALSE(same_value("8080-8081", "8080"));
  EXPECT_FALSE(same_value("8080-8081", "8081-8080"));
  EXPECT_FALSE(same_value("a,b", "a-b"));
}

}  // namespace
}  // namespace tuning
