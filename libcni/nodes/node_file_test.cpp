// SPDX-License-Identifier: Apache-2.0
#include "libcni/nodes/node_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace nodes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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

TEST(NodeJson, FormerRangesAreNotForNewPods) {
  NodeFile node = kNode;
  node.former = {*base::Prefix::parse("10.244.9.0/24"), *base::Prefix::parse("fd00:244:1::/64")};
  node.ranges.push_back(node.former[0]);
  const std::string text = print_node_json(node);
  EXPECT_THAT(text, HasSubstr(R"("formerRanges":["10.244.9.0/24","fd00:244:1::/64"])"));
  EXPECT_EQ(parse_node_json(text, "node.json"), node);
  EXPECT_EQ(ranges_of_new_pods(node), std::vector{*base::Prefix::parse("10.244.1.0/24")});
  EXPECT_THAT(print_subnet_env(node), Not(HasSubstr("IPV6_SUBNET")));
}

class NodeFileOnDisk : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    base::write_file_atomic(dir_.path() + "/" + name, text, 0644);
  }
  test::TempDir dir_;
  const NodeFilePaths paths_{dir_.path() + "/node.json", dir_.path() + "/subnet.env"};
};

TEST_F(NodeFileOnDisk, PlumbdsOwnIsReadBeforeFlannels) {
  EXPECT_EQ(find_node_file(paths_, cni::Code::internal), std::nullopt);
  write("subnet.env", print_subnet_env(kNode));
  EXPECT_EQ(find_node_file(paths_, cni::Code::internal).value().name, "");
  write("node.json", print_node_json(kNode));
  EXPECT_EQ(get_node_file(paths_, cni::Code::internal), kNode);
}

TEST_F(NodeFileOnDisk, IsMissingBeforePlumbdHasWrittenIt) {
  try {
    get_node_file(paths_, cni::Code::try_again_later);
    FAIL() << "expected cni::Error";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::try_again_later);
    EXPECT_EQ(error.what(),
              "no " + paths_.node_json + ": plumbd has not finished its first reconcile");
  }
}

TEST_F(NodeFileOnDisk, IsUnusableWhenDamagedOrOfAnotherVersion) {
  for (const char* text : {"", "{\"version\":1,\"na", "{\"version\":2}", "[]"}) {
    write("node.json", text);
    try {
      find_node_file(paths_, cni::Code::not_available);
      FAIL() << "expected cni::Error for " << text;
    } catch (const cni::Error& error) {
      EXPECT_EQ(error.code(), cni::Code::not_available) << text;
      const std::string message = error.what();
      EXPECT_EQ(message.rfind(paths_.node_json), 0u) << "named once, at the begin: " << message;
    }
  }
}

TEST(NodeFilePaths, AreAbsolute) {
  const auto parse = [](const char* text) {
    return parse_node_file_paths(json::Object::parse(text, "test"));
  };
  EXPECT_EQ(parse("{}"), NodeFilePaths{});
  EXPECT_EQ(parse(R"({"nodeFile":"/a","subnetFile":"/b"})"), (NodeFilePaths{"/a", "/b"}));
  EXPECT_THROW(parse(R"({"nodeFile":"node.json"})"), cni::Error);
}

TEST(NodeIpam, GivesOneAddressOfEachFamilyFromTheNewestRange) {
  const auto ipam = json::Object::parse(R"({"dataDir":"/run/x","Type":""})", "test");
  const std::vector<base::Prefix> ranges{prefix("fd00:244:1::/64"), prefix("10.244.1.0/24"),
                                         prefix("10.244.9.0/24")};
  EXPECT_EQ(make_ipam(ipam, ranges),
            R"({"dataDir":"/run/x","ranges":[[{"subnet":"10.244.1.0/24"}],)"
            R"([{"subnet":"fd00:244:1::/64"}]],"type":"host-local"})");
}

TEST(SubnetEnv, HasFlannelsFormat) {
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

// P8
TEST(NodeFiles, AcceptAByteOrderMark) {
  const std::string mark = "\xef\xbb\xbf";
  EXPECT_EQ(parse_node_json(mark + print_node_json(kNode), "node.json"), kNode);
  EXPECT_EQ(parse_subnet_env(mark + print_subnet_env(kNode), "subnet.env").ranges, kNode.ranges);
}

// L5
TEST(NodeIpam, OfARemovalHasARangeThatEveryBuildAccepts) {
  EXPECT_EQ(make_removal_ipam(json::Object::parse(R"({"dataDir":"/run/x"})", "test")),
            R"({"dataDir":"/run/x","ranges":[[{"subnet":"192.0.2.0/24"}]],"type":"host-local"})");
}

// S11
TEST(NodeFiles, AreReadUpToABound) {
  const test::TempDir folder;
  const NodeFilePaths paths{folder.file("node.json", std::string(70'000, ' ')), folder / "none"};
  try {
    find_node_file(paths, cni::Code::try_again_later);
    ADD_FAILURE() << "read";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EFBIG);
  }
}

TEST(SubnetEnv, ThePluginMasqueradesWhereTheDaemonDoesNot) {
  EXPECT_TRUE(parse_subnet_env("FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\nFLANNEL_MTU=1450\n"
                               "FLANNEL_SUBNET=10.1.1.1/24\nFLANNEL_IPMASQ=false",
                               "subnet.env")
                  .ip_masq);
}

TEST(SubnetEnv, SaysWhatIsMissing) {
  EXPECT_EQ(message_of([] {
              parse_subnet_env("FLANNEL_NETWORK=10.1.0.0/16\nnonsense", "/run/subnet.env");
            }),
            "/run/subnet.env is missing FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, "
            "FLANNEL_IPMASQ");
  EXPECT_EQ(message_of([] { parse_subnet_env("FLANNEL_MTU=0", "/run/subnet.env"); }),
            "/run/subnet.env: FLANNEL_MTU must be 1 to 65535, not \"0\"");
}

}  // namespace
}  // namespace nodes
