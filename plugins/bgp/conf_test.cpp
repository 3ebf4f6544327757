// SPDX-License-Identifier: Apache-2.0
#include "plugins/bgp/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace bgp {
namespace {

using ::testing::HasSubstr;

base::Prefix prefix(const char* text) {
  return *base::Prefix::parse(text);
}

cni::Request request(const std::string& config) {
  return {.container_id = "c1",
          .ifname = "eth0",
          .stdin_text = config,
          .config = json::Object::parse(config, "test configuration"),
          .network = "net1"};
}

const nodes::NodeFile kNode{.network = {prefix("10.244.0.0/16")},
                            .ranges = {prefix("10.244.1.0/24"), prefix("fd00:244:1::/64")},
                            .mtu = 1400,
                            .ip_masq = true};

TEST(BgpConf, EveryKeyHasADefault) {
  EXPECT_EQ(parse_conf(request("{}"), std::nullopt), Conf{});
}

TEST(BgpConf, TheNodesFileSuppliesMissingKeys) {
  EXPECT_EQ(parse_conf(request("{}"), kNode),
            (Conf{.mtu = 1400, .ip_masq = true, .network = {prefix("10.244.0.0/16")}}));
  EXPECT_EQ(parse_conf(request(R"({"mtu":1280,"ipMasq":false,"network":["10.0.0.0/8"]})"), kNode),
            (Conf{.mtu = 1280, .network = {prefix("10.0.0.0/8")}}));
}

TEST(BgpConf, MasqueradingNeedsToKnowTheClustersNetwork) {
  EXPECT_THROW(parse_conf(request(R"({"ipMasq":true})"), std::nullopt), cni::Error);
  EXPECT_THROW(parse_conf(request(R"({"network":["10.244.0.0"]})"), std::nullopt), cni::Error);
}

TEST(BgpConf, IpamComesFromTheNodesRangesWhereNoneIsConfigured) {
  const auto ipam = [](const char* config) {
    return make_ipam_request(request(config), kNode).config.text_of("ipam");
  };
  EXPECT_EQ(ipam(R"({"ipam":{"dataDir":"/run/x"}})"),
            R"({"dataDir":"/run/x","ranges":[[{"subnet":"10.244.1.0/24"}],)"
            R"([{"subnet":"fd00:244:1::/64"}]],"type":"host-local"})");
  EXPECT_EQ(ipam(R"({"ipam":{"type":"static"}})"), R"({"type":"static"})");
}

TEST(BgpConf, TheBytesForAForeignIpamSayTheSame) {
  const auto made = make_ipam_request(request(R"({"name":"net1"})"), kNode);
  EXPECT_THAT(made.stdin_text, HasSubstr(R"("ranges":[[{"subnet":"10.244.1.0/24"}])"));
  EXPECT_THAT(made.stdin_text, HasSubstr(R"("name":"net1")"));
}

TEST(BgpConf, WithoutIpamAndPlumbdItIsTooEarly) {
  const test::TempDir dir;
  const std::string paths =
      R"("nodeFile":")" + dir.path() + R"(/node.json","subnetFile":")" + dir.path() + R"(/env")";
  const auto find = [&](const std::string& more) {
    return find_node(request("{" + paths + more + "}"), cni::Code::try_again_later);
  };
  EXPECT_EQ(find(R"(,"ipam":{"type":"static"})"), std::nullopt);
  try {
    find("");
    FAIL() << "expected cni::Error";
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::try_again_later);
    EXPECT_THAT(error.what(), HasSubstr(dir.path() + "/node.json"));
  }
}

}  // namespace
}  // namespace bgp
