// SPDX-License-Identifier: Apache-2.0
#include "plugins/vlan/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vlan {
namespace {

Conf parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

std::string refusal_of(const std::string& config) {
  try {
    parse(config);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(VlanConf, ReadsMasterAndId) {
  const Conf conf = parse(R"({"master":"eth0","vlanId":4094,"mtu":1400,"linkInContainer":true})");
  EXPECT_EQ(conf.upper.master, "eth0");
  EXPECT_EQ(conf.id, 4094);
  EXPECT_EQ(conf.upper.mtu, 1400);
  EXPECT_TRUE(conf.upper.master_in_sandbox);
  EXPECT_EQ(parse(R"({"master":"eth0"})").id, 0);
}

TEST(VlanConf, RefusesAnIdOutOfRange) {
  for (const char* id : {"-1", "4095", "65536", "4294967297"})
    EXPECT_EQ(refusal_of(std::string(R"({"master":"eth0","vlanId":)") + id + "}"),
              std::string("invalid VLAN ID ") + id + " (must be between 0 and 4094 inclusive)");
}

TEST(VlanConf, RequiresAMaster) {
  EXPECT_EQ(refusal_of(R"({"vlanId":5})"),
            "\"master\" field is required. It specifies the host interface name to create the"
            " VLAN for");
}

}  // namespace
}  // namespace vlan
