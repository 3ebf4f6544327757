// SPDX-License-Identifier: Apache-2.0
#include "plugins/dummy/conf.h"

#include <gtest/gtest.h>

namespace dummy {
namespace {

attach::Upper parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

TEST(DummyConf, MakesALinkThatLeadsToNothing) {
  const attach::Upper upper = parse(R"({"ipam":{"type":"host-local"}})");
  EXPECT_EQ(upper.kind, "dummy");
  EXPECT_EQ(upper.reach, attach::Reach::nothing);
  EXPECT_TRUE(upper.make_link);
}

// The reference keeps IPAM's.
TEST(DummyConf, IgnoresDns) {
  EXPECT_FALSE(parse(R"({"ipam":{"type":"x"},"dns":{"domain":"a"}})").dns);
}

TEST(DummyConf, RefusesAConfigurationWithoutIpam) {
  for (const char* config : {"{}", R"({"ipam":{}})", R"({"ipam":{"type":""}})"}) {
    try {
      parse(config);
      FAIL() << config;
    } catch (const cni::Error& error) {
      EXPECT_STREQ(error.what(), "dummy interface requires an IPAM configuration");
    }
  }
}

}  // namespace
}  // namespace dummy
