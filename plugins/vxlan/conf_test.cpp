// SPDX-License-Identifier: Apache-2.0
#include "plugins/vxlan/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vxlan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

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

Conf parse(const std::string& config) {
  return parse_conf(request(config));
}

std::string problem_of(const std::string& config) {
  try {
    parse(config);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "ok";
}

const PodSide kSide{.ranges = {prefix("10.27.1.0/24"), prefix("fd00:27:0:1::/64")}, .mtu = 1450};

json::Object pod_config(const std::string& config, const std::optional<PodSide>& side = kSide) {
  return json::Object::parse(make_pod_config(request(config), parse(config), side), "pod");
}

TEST(VxlanConf, AloneMeansThatPeersOrRangesAreConfigured) {
  EXPECT_FALSE(parse("{}").alone);
  EXPECT_TRUE(parse(R"({"peers":[]})").alone);
  EXPECT_TRUE(parse(R"({"peersFile":"/etc/peers"})").alone);
  EXPECT_TRUE(parse(R"({"ranges":["10.27.1.0/24"]})").alone);
}

TEST(VxlanConf, Defaults) {
  const Conf conf = parse(R"({"peers":[]})");
  EXPECT_EQ(conf.options.vni, 1u);
  EXPECT_EQ(conf.options.port, 4789);
  EXPECT_EQ(conf.options.mtu, 0);
  EXPECT_EQ(conf.options.backend, fabric::Backend::vxlan);
  EXPECT_EQ(conf.options.device, "plumb.1");
  EXPECT_TRUE(conf.options.masquerade);
  EXPECT_EQ(conf.mode, Mode::l3);
}

TEST(VxlanConf, LocalAddressIsOneOfEachFamily) {
  EXPECT_EQ(parse(R"({"localAddress":"192.0.2.1,2001:db8::1"})").local.size(), 2u);
  EXPECT_THAT(problem_of(R"({"localAddress":"192.0.2.1,192.0.2.2"})"), HasSubstr("localAddress"));
  EXPECT_THAT(problem_of(R"({"localAddress":"here"})"), HasSubstr("localAddress"));
}

TEST(VxlanConf, RefusesInvalidValues) {
  EXPECT_THAT(problem_of(R"({"vni":16777216})"), HasSubstr("\"vni\" must be 1 to 16777215"));
  EXPECT_THAT(problem_of(R"({"port":0})"), HasSubstr("\"port\" must be 1 to 65535"));
  EXPECT_THAT(problem_of(R"({"backend":"bgp"})"), HasSubstr("vxlan, auto or host-gw"));
  EXPECT_THAT(problem_of(R"({"mode":"l4"})"), HasSubstr("l3 or l2"));
  EXPECT_THAT(problem_of(R"({"mode":"l2"})"), HasSubstr("l2 needs peers"));
  EXPECT_THAT(problem_of(R"({"mode":"l2","peers":[],"podInterface":"ptp"})"),
              HasSubstr("bridge in mode l2"));
  EXPECT_THAT(problem_of(R"({"peers":[{"address":"192.0.2.2","ranges":["10/8"]}]})"),
              HasSubstr("peers[0].ranges"));
  EXPECT_THAT(problem_of(R"({"ranges":["10.27.1.0"]})"), HasSubstr("10.27.1.0"));
}

TEST(VxlanPodConfig, FillsInMissingKeysAndKeepsTheRest) {
  const auto config = pod_config(R"({"type":"vxlan","name":"n","hairpinMode":true,"mtu":0})");
  EXPECT_EQ(config.text(),
            R"({"hairpinMode":true,"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.27.1.0/24"}],)"
            R"([{"subnet":"fd00:27:0:1::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}],)"
            R"("type":"host-local"},"isGateway":true,"mtu":1450,"name":"n","spoofCheck":true,)"
            R"("type":"bridge"})");
}

TEST(VxlanPodConfig, S267_PodsSendOnlyFromTheirOwnAddressesWhereTheseAreKnown) {
  EXPECT_TRUE(pod_config("{}").get_bool("spoofCheck"));
  EXPECT_TRUE(pod_config(R"({"podInterface":"ptp"})").get_bool("spoofCheck"));
  EXPECT_FALSE(pod_config(R"({"spoofCheck":false})").get_bool("spoofCheck"));
  EXPECT_FALSE(pod_config(R"({"vlanTrunk":[{"id":5}]})").has("spoofCheck"));
  EXPECT_FALSE(pod_config(R"({"mode":"l2","peers":[]})").has("spoofCheck"));
  EXPECT_TRUE(
      pod_config(R"({"mode":"l2","peers":[],"ipam":{"type":"static"}})").get_bool("spoofCheck"));
}

// K2
TEST(VxlanPodConfig, APodReachesItselfByItsServiceUnlessConfiguredOtherwise) {
  EXPECT_TRUE(pod_config("{}").get_bool("hairpinMode"));
  EXPECT_TRUE(pod_config(R"({"peers":[]})").get_bool("hairpinMode"));
  EXPECT_FALSE(pod_config(R"({"hairpinMode":false})").get_bool("hairpinMode"));
  EXPECT_FALSE(pod_config(R"({"promiscMode":true})").has("hairpinMode"));
  EXPECT_FALSE(pod_config(R"({"podInterface":"ptp"})").has("hairpinMode"));
  EXPECT_FALSE(pod_config(R"({"mode":"l2","peers":[]})").has("hairpinMode"));
}

TEST(VxlanPodConfig, RangesOfEarlierPodsKeepTheirGateways) {
  PodSide side = kSide;
  side.ranges.push_back(prefix("10.27.9.0/24"));
  side.former = {prefix("10.27.8.0/24")};
  EXPECT_EQ(pod_config("{}", side).text_of("otherRanges"), R"(["10.27.8.0/24","10.27.9.0/24"])");
  EXPECT_FALSE(pod_config(R"({"podInterface":"ptp"})", side).has("otherRanges"));
}

TEST(VxlanPodConfig, ConfiguredKeysHavePrecedence) {
  const auto config =
      pod_config(R"({"podInterface":"ptp","ipMasq":true,"ipam":{"type":"static"},"mtu":1300})");
  EXPECT_EQ(config.get_string("type"), "ptp");
  EXPECT_TRUE(config.get_bool("ipMasq"));
  EXPECT_EQ(config.text_of("ipam"), R"({"type":"static"})");
  EXPECT_FALSE(config.has("isGateway"));
}

TEST(VxlanPodConfig, AloneTheNodesTableMasquerades) {
  EXPECT_FALSE(pod_config(R"({"peers":[],"ipMasq":true})").get_bool("ipMasq"));
}

TEST(VxlanPodConfig, LeavesThePeersOutOfThePodsConfiguration) {
  const auto config = pod_config(R"({"peers":[{"address":"192.0.2.2","ranges":["10.8.0.0/24"]}]})");
  EXPECT_FALSE(config.has("peers"));
}

TEST(VxlanPodConfig, ARemovalLooksForRulesThatPlumbdsFileMayHaveAskedFor) {
  const auto config = pod_config("{}", std::nullopt);
  EXPECT_TRUE(config.get_bool("ipMasq"));
  EXPECT_EQ(config.get_object("ipam").get_string("type"), "host-local");
  EXPECT_FALSE(config.has("mtu"));
}

// L5: another build of host-local asks DEL for ranges, too.
TEST(VxlanPodConfig, ARemovalHasRangesForAnIpamOfAnotherBuild) {
  for (const char* config :
       {"{}", R"({"peers":[]})", R"({"podInterface":"ptp"})", R"({"ipam":{"dataDir":"/run/x"}})"}) {
    const auto ipam = pod_config(config, std::nullopt).get_object("ipam");
    EXPECT_EQ(ipam.text_of("ranges"), R"([[{"subnet":"192.0.2.0/24"}]])") << config;
  }
}

TEST(VxlanPodConfig, OneSegmentHasNoGatewayAndNoAddressesUnlessConfigured) {
  const std::string config = pod_config(R"({"mode":"l2","peers":[]})").text();
  EXPECT_THAT(config, Not(HasSubstr("isGateway")));
  EXPECT_THAT(config, Not(HasSubstr("ipam")));
}

}  // namespace
}  // namespace vxlan
