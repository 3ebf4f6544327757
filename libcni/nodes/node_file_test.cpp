// SPDX-License-Identifier: Apache-2.0
#include "libcni/nodes/node_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace nodes {
namespace {

using ::testing::HasSubstr;

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

const NodeFile kNode{.name = "node-a",
                     .network = {prefix("10.244.0.0/16"), prefix("fd00:244::/48")},
                     .ranges = {prefix("10.244.1.0/24"), prefix("fd00:244:1::/64")},
                     .mtu = 1450,
                     .backend = "vxlan",
                     .ip_masq = false,
                     .stale = true};

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "ok";
}

TEST(NodeJson, IsOneLine) {
  EXPECT_EQ(print_node_json(kNode),
            R"({"version":1,"name":"node-a","network":["10.244.0.0/16","fd00:244::/48"],)"
            R"("ranges":["10.244.1.0/24","fd00:244:1::/64"],"mtu":1450,"backend":"vxlan",)"
            R"("ipMasq":false,"stale":true})"
            "\n");
}

TEST(NodeJson, IsReadAsItIsWritten) {
  EXPECT_EQ(parse_node_json(print_node_json(kNode), "node.json"), kNode);
}

TEST(NodeJson, WhatIsMissingOrFromAnotherVersionIsNamedWithTheFile) {
  const auto message = [](const char* text) {
    return message_of([&] { parse_node_json(text, "/run/node.json"); });
  };
  EXPECT_THAT(message(R"({"version":2})"),
              HasSubstr("/run/node.json: key \"version\" must be 1, not 2"));
  EXPECT_THAT(message(R"({"version":1,"mtu":1450})"), HasSubstr("\"ranges\""));
  EXPECT_THAT(message(R"({"version":1,"ranges":["10.1.0.0/24"]})"), HasSubstr("\"mtu\""));
  EXPECT_THAT(message(R"({"version":1,"ranges":["10.1.0.0/33"],"mtu":1450})"),
              HasSubstr("10.1.0.0/33"));
  EXPECT_THAT(message("{"), HasSubstr("/run/node.json"));
}

TEST(SubnetEnv, IsFlannels) {
  EXPECT_EQ(print_subnet_env(kNode),
            "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n"
            "FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:1::1/64\n"
            "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n");
}

TEST(SubnetEnv, IsReadAsItIsWritten) {
  NodeFile expected = kNode;
  expected.name = expected.backend = "";
  expected.stale = false;
  EXPECT_EQ(parse_subnet_env(print_subnet_env(kNode), "subnet.env"), expected);
}

TEST(SubnetEnv, ThePluginMasqueradesWhereTheDaemonDoesNot) {
  EXPECT_TRUE(parse_subnet_env("FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\nFLANNEL_MTU=1450\n"
                               "FLANNEL_SUBNET=10.1.1.1/24\nFLANNEL_IPMASQ=false",
                               "subnet.env")
                  .ip_masq);
}

TEST(SubnetEnv, SaysWhatIsMissing) {
  EXPECT_EQ(message_of([] { parse_subnet_env("FLANNEL_MTU=0\nnonsense", "/run/subnet.env"); }),
            "/run/subnet.env: missing or malformed: FLANNEL_NETWORK FLANNEL_SUBNET FLANNEL_MTU "
            "FLANNEL_IPMASQ");
}

}  // namespace
}  // namespace nodes
