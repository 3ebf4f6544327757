// SPDX-License-Identifier: Apache-2.0
#include "plugins/macvlan/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace macvlan {
namespace {

using ::testing::HasSubstr;

Conf parse(const std::string& config, const std::string& args = {}) {
  return parse_conf({.args = args, .config = json::Object::parse(config, "test configuration")});
}

std::string error_of(const std::string& config) {
  return test::error_of([&] { parse(config); });
}

TEST(MacvlanConf, HasTheDefaultsOfTheReference) {
  const Conf conf = parse("{}");
  EXPECT_EQ(conf.mode, net::MacvlanMode::bridge);
  EXPECT_EQ(conf.upper.master, "");
  EXPECT_FALSE(conf.upper.master_in_sandbox);
  EXPECT_FALSE(conf.upper.mac || conf.upper.mtu);
}

TEST(MacvlanConf, ReadsEachMode) {
  for (const char* mode : {"bridge", "private", "vepa", "passthru"})
    EXPECT_EQ(name_of(parse(std::string(R"({"mode":")") + mode + "\"}").mode), mode);
}

TEST(MacvlanConf, TakesTheRuntimesMacBeforeItsOwn) {
  const std::string own = R"("mac":"02:00:00:00:00:01")";
  const auto mac = [](const Conf& conf) { return conf.upper.mac.value().text(); };
  EXPECT_EQ(mac(parse("{" + own + "}")), "02:00:00:00:00:01");
  EXPECT_EQ(mac(parse("{" + own + "}", "MAC=02:00:00:00:00:02")), "02:00:00:00:00:02");
  EXPECT_EQ(mac(parse("{" + own + R"(,"runtimeConfig":{"mac":"02:00:00:00:00:03"}})",
                      "MAC=02:00:00:00:00:02")),
            "02:00:00:00:00:03");
}

TEST(MacvlanConf, RefusesWrongValuesAndNamesTheKey) {
  EXPECT_THAT(error_of(R"({"mode":"x"})"), HasSubstr("unknown macvlan mode: \"x\""));
  EXPECT_THAT(error_of(R"({"master":"a/b"})"), HasSubstr("master"));
  EXPECT_THAT(error_of(R"({"mtu":-1})"), HasSubstr("mtu"));
  EXPECT_THAT(error_of(R"({"mac":"01:00:5e:00:00:01"})"), HasSubstr("key mac"));
  EXPECT_THAT(error_of(R"({"bcqueuelen":4294967296})"), HasSubstr("bcqueuelen"));
}

}  // namespace
}  // namespace macvlan
