// SPDX-License-Identifier: Apache-2.0
#include "plugins/vrf/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace vrf {
namespace {

using ::testing::HasSubstr;

Conf parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

std::string error_of(const std::string& config) {
  return test::error_of([&] { parse(config); });
}

TEST(VrfConf, LeavesTheTableToTheDeviceUnlessGiven) {
  EXPECT_EQ(parse(R"({"vrfname":"red"})"), Conf{.name = "red"});
  EXPECT_EQ(parse(R"({"vrfname":"red","table":0})"), Conf{.name = "red"});
  EXPECT_EQ(parse(R"({"vrfname":"red","table":4294967295})").table, 4294967295U);
}

TEST(VrfConf, RefusesWrongValuesAndNamesTheKey) {
  EXPECT_THAT(error_of("{}"), HasSubstr("configuration is expected to have a valid vrf name"));
  EXPECT_THAT(error_of(R"({"vrfname":"a/b"})"), HasSubstr("vrfname"));
  EXPECT_THAT(error_of(R"({"vrfname":"red","table":-1})"), HasSubstr("table"));
  EXPECT_THAT(error_of(R"({"vrfname":"red","table":4294967296})"), HasSubstr("table"));
  EXPECT_THAT(error_of(R"({"vrfname":"red","table":254})"), HasSubstr("table"));
}

}  // namespace
}  // namespace vrf
