// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace tap {
namespace {

using ::testing::HasSubstr;

Conf parse(const std::string& config, const std::string& args = {}) {
  return parse_conf({.args = args, .config = json::Object::parse(config, "test configuration")});
}

std::string error_of(const std::string& config) {
  return test::error_of([&] { parse(config); });
}

TEST(TapConf, HasTheDefaultsOfTheReference) {
  const Conf conf = parse("{}");
  EXPECT_EQ(conf.tap, net::Tap{});
  EXPECT_FALSE(conf.upper.mac || conf.upper.mtu || conf.upper.accept_ra);
  EXPECT_EQ(conf.bridge + conf.selinux_context, "");
}

// The reference makes such a device by another library.
TEST(TapConf, OwnerAndGroupTogetherGiveTheFlagsOfTheReferencesOtherWay) {
  EXPECT_EQ(parse(R"({"owner":0,"group":7})").tap,
            (net::Tap{.packet_info = true, .vnet_header = true, .owner = 0, .group = 7}));
  EXPECT_EQ(parse(R"({"owner":0,"group":7,"multiQueue":true})").tap,
            (net::Tap{.multi_queue = true, .vnet_header = true, .owner = 0, .group = 7}));
  for (const char* config : {R"({"owner":5})", R"({"group":5})",
                             R"({"owner":5,"group":5,"selinuxContext":"a:b:c:s0"})"}) {
    EXPECT_FALSE(parse(config).tap.vnet_header) << config;
    EXPECT_FALSE(parse(config).tap.packet_info) << config;
  }
}

TEST(TapConf, TakesTheRuntimesMacBeforeItsOwn) {
  const std::string own = R"("mac":"02:00:00:00:00:01")";
  const auto mac = [](const Conf& conf) { return conf.upper.mac.value().text(); };
  EXPECT_EQ(mac(parse("{" + own + "}")), "02:00:00:00:00:01");
  EXPECT_EQ(mac(parse("{" + own + "}", "MAC=02:00:00:00:00:02")), "02:00:00:00:00:02");
  EXPECT_EQ(mac(parse("{" + own + R"(,"runtimeConfig":{"mac":"02:00:00:00:00:03"}})",
                      "MAC=02:00:00:00:00:02")),
            "02:00:00:00:00:03");
}

TEST(TapConf, RefusesWrongValuesAndNamesTheKey) {
  EXPECT_THAT(error_of(R"({"owner":-1})"), HasSubstr("owner"));
  EXPECT_THAT(error_of(R"({"group":4294967295})"), HasSubstr("group"));
  EXPECT_THAT(error_of(R"({"bridge":"a/b"})"), HasSubstr("bridge"));
  EXPECT_THAT(error_of(R"({"mtu":-1})"), HasSubstr("mtu"));
  EXPECT_THAT(error_of(R"({"mac":"01:00:5e:00:00:01"})"), HasSubstr("key mac"));
  EXPECT_THAT(error_of(R"({"multiQueue":1})"), HasSubstr("multiQueue"));
  EXPECT_THAT(error_of(R"({"args":7})"), HasSubstr("args"));
  EXPECT_THAT(error_of(R"({"selinuxContext":")" + std::string(4096, 'a') + "\"}"),
              HasSubstr("selinuxContext"));
}

}  // namespace
}  // namespace tap
