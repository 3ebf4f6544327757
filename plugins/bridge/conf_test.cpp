// SPDX-License-Identifier: Apache-2.0
#include "plugins/bridge/conf.h"

#include <gtest/gtest.h>

namespace bridge {
namespace {

cni::Request request(const std::string& config, cni::Version version = cni::kNewestVersion) {
  return {.ifname = "eth0",
          .config = json::Object::parse(config, "test configuration"),
          .network = "net1",
          .version = version};
}

/// The message and code with which `config` is refused.
std::pair<std::string, cni::Code> refusal(const std::string& config) {
  try {
    parse_conf(request(config));
  } catch (const cni::Error& e) {
    return {e.what(), e.code()};
  }
  return {"accepted", {}};
}

TEST(BridgeConf, DefaultsAreTheReferences) {
  EXPECT_EQ(parse_conf(request("{}")), Conf{});
  EXPECT_EQ(parse_conf(request(R"({"bridge":""})")).bridge, "cni0");
}

TEST(BridgeConf, KeysMatchInAnyCaseAndNullIsAbsent) {
  const Conf conf = parse_conf(request(R"({"IPMASQ":true,"isgateway":true,"mtu":null})"));
  EXPECT_TRUE(conf.ip_masq);
  EXPECT_TRUE(conf.is_gateway);
  EXPECT_FALSE(conf.mtu);
}

TEST(BridgeConf, DefaultGatewayImpliesGateway) {
  EXPECT_TRUE(parse_conf(request(R"({"isDefaultGateway":true})")).is_gateway);
}

TEST(BridgeConf, S103_RefusesInvalidValues) {
  const auto code = cni::Code::invalid_config;
  EXPECT_EQ(refusal(R"({"vlan":4095})"),
            std::pair(std::string("invalid VLAN ID 4095 (must be between 0 and 4094)"), code));
  EXPECT_EQ(refusal(R"({"vlanTrunk":[{"minID":0,"maxID":5}]})").first,
            "incorrect trunk minID parameter");
  EXPECT_EQ(refusal(R"({"vlanTrunk":[{"minID":1,"maxID":4095}]})").first,
            "incorrect trunk maxID parameter");
  EXPECT_EQ(refusal(R"({"vlanTrunk":[{"minID":9,"maxID":5}]})").first,
            "minID is greater than maxID in trunk parameter");
  EXPECT_EQ(refusal(R"({"vlanTrunk":[{"maxID":5}]})").first,
            "minID and maxID should be configured simultaneously, minID is missing");
  EXPECT_EQ(refusal(R"({"vlanTrunk":[{"id":0}]})").first, "incorrect trunk id parameter");
  EXPECT_EQ(refusal(R"({"hairpinMode":true,"promiscMode":true})").first,
            "cannot set hairpin mode and promiscuous mode at the same time");
  EXPECT_EQ(refusal(R"({"disableContainerInterface":true,"ipam":{"type":"static"}})").first,
            "cannot use IPAM when DisableContainerInterface flag is set");
  EXPECT_EQ(refusal(R"({"ipMasqBackend":"pf"})"),
            std::pair(std::string("unknown ipmasq backend \"pf\""), code));
  EXPECT_EQ(refusal(R"({"bridge":"a/b"})").second, code);
  EXPECT_EQ(refusal(R"({"runtimeConfig":{"mac":"zz"}})").first,
            "address \"zz\": invalid MAC address");
}

TEST(BridgeConf, S102_RefusesWrongTypes) {
  for (const char* config : {R"({"vlan":"5"})", R"({"isGateway":"true"})", R"({"mtu":1.5})",
                             R"({"bridge":1})", R"({"vlanTrunk":{}})"})
    EXPECT_EQ(refusal(config).second, cni::Code::decoding_failure) << config;
}

TEST(BridgeConf, TrunkIsASortedUnionAndEmptyIsNotAbsent) {
  const Conf conf =
      parse_conf(request(R"({"vlanTrunk":[{"id":7},{"minID":3,"maxID":5},{"id":4}]})"));
  EXPECT_EQ(conf.trunk, (std::vector<std::uint16_t>{3, 4, 5, 7}));
  EXPECT_TRUE(parse_conf(request(R"({"vlanTrunk":[]})")).has_trunk);
  EXPECT_FALSE(parse_conf(request("{}")).has_trunk);
}

TEST(BridgeConf, MacComesFromTheCapabilityThenArgsThenCniArgs) {
  auto all = request(R"({"runtimeConfig":{"mac":"02:00:00:00:00:01"},
                         "args":{"cni":{"mac":"02:00:00:00:00:02"}}})");
  all.args = "MAC=02:00:00:00:00:03";
  EXPECT_EQ(parse_conf(all).mac->text(), "02:00:00:00:00:01");
  auto two = request(R"({"args":{"cni":{"mac":"02-00-00-00-00-0A"}}})");
  two.args = all.args;
  EXPECT_EQ(parse_conf(two).mac->text(), "02:00:00:00:00:0a");
  auto one = request("{}");
  one.args = "IgnoreUnknown=1;K8S_POD=x;" + all.args;
  EXPECT_EQ(parse_conf(one).mac->text(), "02:00:00:00:00:03");
}

TEST(BridgeConf, S245_IgnoresMalformedCniArgsWithoutAMac) {
  auto garbage = request("{}");
  garbage.args = "a;;=b=c";
  EXPECT_NO_THROW(parse_conf(garbage));
}

TEST(BridgeConf, S077_RefusesLayer2WhereTheVersionCannotExpressIt) {
  EXPECT_THROW(parse_conf(request("{}", {0, 2, 0})), cni::Error);
  EXPECT_NO_THROW(parse_conf(request("{}", {0, 3, 0})));
}

TEST(BridgeConf, S172_RemovalIgnoresBrokenKeysThatItDoesNotNeed) {
  EXPECT_NO_THROW(parse_conf_for_removal(
      request(R"({"vlan":9999,"vlanTrunk":3,"mtu":"x","runtimeConfig":{"mac":"zz"}})")));
}

// P7
TEST(BridgeConf, P7_RefusesAMacThatNoLinkCanHaveAndNamesItsKey) {
  const struct {
    std::string config;
    std::string args;
    std::string key;
  } sources[] = {{R"({"runtimeConfig":{"mac":"MAC"}})", "", "key runtimeConfig.mac"},
                 {R"({"args":{"cni":{"mac":"MAC"}}})", "", "key args.cni.mac"},
                 {"{}", "IgnoreUnknown=1;MAC=MAC", "MAC in CNI_ARGS"}};
  for (const auto& source : sources)
    for (const std::string mac : {"03:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
      const auto with_mac = [&](std::string text) {
        const auto at = text.rfind("MAC");
        return at == std::string::npos ? text : text.replace(at, 3, mac);
      };
      auto asked = request(with_mac(source.config));
      asked.args = source.args.empty() ? "" : with_mac(source.args);
      try {
        parse_conf(asked);
        ADD_FAILURE() << source.key << " " << mac;
      } catch (const cni::Error& e) {
        EXPECT_EQ(e.code(), cni::Code::invalid_config);
        const bool zero = mac.starts_with("00");
        EXPECT_NE(std::string(e.what()).find(zero ? "all zero" : "multicast bit"),
                  std::string::npos);
        EXPECT_TRUE(e.details().starts_with(source.key)) << e.details();
      }
    }
}

}  // namespace
}  // namespace bridge
