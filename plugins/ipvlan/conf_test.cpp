// SPDX-License-Identifier: Apache-2.0
#include "plugins/ipvlan/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipvlan {
namespace {

using ::testing::HasSubstr;

Conf parse(const std::string& config, const std::optional<cni::Result>& previous = {}) {
  cni::Request request{.config = json::Object::parse(config, "test configuration")};
  request.prev_result = previous;
  return parse_conf(request);
}

const cni::Result kOneLink{.interfaces = {{.name = "bond0", .mac = ""}},
                           .ips = {{.address = *base::Prefix::parse("10.1.0.5/24")}}};

TEST(IpvlanConf, HasTheDefaultsOfTheReference) {
  const Conf conf = parse("{}");
  EXPECT_EQ(conf.mode, net::IpvlanMode::l2);
  EXPECT_EQ(conf.upper.master, "");
  EXPECT_FALSE(conf.takes_addresses);
}

TEST(IpvlanConf, ReadsEachMode) {
  for (const char* mode : {"l2", "l3", "l3s"})
    EXPECT_EQ(name_of(parse(std::string(R"({"mode":")") + mode + "\"}").mode), mode);
  EXPECT_THROW(parse(R"({"mode":"l4"})"), cni::Error);
}

TEST(IpvlanConf, LiesOnTheLinkOfThePluginBefore) {
  EXPECT_EQ(parse("{}", kOneLink).upper.master, "bond0");
  EXPECT_EQ(parse(R"({"master":"eth1"})", kOneLink).upper.master, "eth1");
  EXPECT_TRUE(parse("{}", kOneLink).takes_addresses);
  EXPECT_FALSE(parse(R"({"ipam":{"type":"static"}})", kOneLink).takes_addresses);
}

TEST(IpvlanConf, RefusesAResultWithoutASingleNamedLink) {
  cni::Result two = kOneLink;
  two.interfaces.push_back({.name = "bond1", .mac = ""});
  for (const cni::Result& result : {two, cni::Result{}}) {
    try {
      parse("{}", result);
      FAIL();
    } catch (const cni::Error& error) {
      EXPECT_STREQ(error.what(),
                   "chained master failure. PrevResult lacks a single named interface");
    }
  }
}

}  // namespace
}  // namespace ipvlan
