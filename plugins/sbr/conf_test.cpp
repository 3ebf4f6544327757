// SPDX-License-Identifier: Apache-2.0
#include "plugins/sbr/conf.h"

#include <gtest/gtest.h>

namespace sbr {
namespace {

Conf parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

std::string refusal(const std::string& config) {
  try {
    parse(config);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SbrConf, HasNoTableGatewaysAndHintsByDefault) {
  EXPECT_EQ(parse("{}"), Conf{});
  EXPECT_EQ(parse(R"({"table":null,"gateways":[],"addSourceHints":false})"), Conf{});
}

TEST(SbrConf, ReadsEveryKey) {
  EXPECT_EQ(
      parse(R"({"table":4294967295,"gateways":["fd00::1","10.1.0.1"],"addSourceHints":true})"),
      (Conf{.table = 4'294'967'295,
            .gateway_v4 = base::IpAddress::parse("10.1.0.1"),
            .gateway_v6 = base::IpAddress::parse("fd00::1"),
            .source_hints = true}));
}

TEST(SbrConf, RefusesWrongGateways) {
  EXPECT_EQ(refusal(R"({"gateways":["10.1.0.1","fd00::1","10.1.0.2"]})"),
            "gateways list cannot contain more than 2 entries (one IPv4, one IPv6)");
  EXPECT_EQ(refusal(R"({"gateways":["x"]})"), "invalid static gateway IP address: x");
  EXPECT_EQ(refusal(R"({"gateways":["10.1.0.1/24"]})"),
            "invalid static gateway IP address: 10.1.0.1/24");
  EXPECT_EQ(refusal(R"({"gateways":["10.1.0.1","10.1.0.2"]})"),
            "gateways list contains multiple IPv4 addresses: 10.1.0.1 and 10.1.0.2");
  EXPECT_EQ(refusal(R"({"gateways":["fd00::1","fd00::1"]})"),
            "gateways list contains multiple IPv6 addresses: fd00::1 and fd00::1");
}

TEST(SbrConf, RefusesWrongTypesAndTables) {
  for (const char* wrong :
       {R"({"table":"1"})", R"({"table":0})", R"({"table":-1})", R"({"table":4294967296})",
        R"({"gateways":"10.1.0.1"})", R"({"gateways":[1]})", R"({"addSourceHints":1})"})
    EXPECT_NE(refusal(wrong), "accepted") << wrong;
}

}  // namespace
}  // namespace sbr
