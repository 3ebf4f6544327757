// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/conf.h"

#include <gtest/gtest.h>

namespace bandwidth {
namespace {

Conf parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

std::pair<std::string, cni::Code> refusal(const std::string& config) {
  try {
    parse(config);
  } catch (const cni::Error& error) {
    return {error.what(), error.code()};
  }
  return {"accepted", {}};
}

TEST(BandwidthConf, LimitsNothingUnlessAsked) {
  EXPECT_EQ(parse("{}"), Conf{});
  EXPECT_EQ(parse(R"({"ingressRate":0,"ingressBurst":0,"egressRate":0,"egressBurst":0})"), Conf{});
  EXPECT_EQ(parse(R"({"runtimeConfig":{"bandwidth":{}}})"), Conf{});
}

TEST(BandwidthConf, ReadsBothDirections) {
  const Conf conf =
      parse(R"({"ingressRate":8,"ingressBurst":16,"egressRate":24,"egressBurst":32})");
  EXPECT_EQ(conf, (Conf{.ingress = Limit{8, 16}, .egress = Limit{24, 32}}));
}

TEST(BandwidthConf, S249_ReadsTheCapability) {
  const Conf conf =
      parse(R"({"runtimeConfig":{"bandwidth":{"egressRate":1000,"egressBurst":8000}}})");
  EXPECT_EQ(conf, (Conf{.egress = Limit{1000, 8000}}));
}

TEST(BandwidthConf, IgnoresTheCapabilityWhenAnyKeyIsAtTheTop) {
  const std::string capability =
      R"("runtimeConfig":{"bandwidth":{"egressRate":1000,"egressBurst":8000}}})";
  EXPECT_EQ(parse(R"({"ingressRate":0,)" + capability), Conf{});
  EXPECT_EQ(parse(R"({"ingressRate":80,"ingressBurst":80,)" + capability),
            (Conf{.ingress = Limit{80, 80}}));
}

TEST(BandwidthConf, ReadsRatesAboveThirtyTwoBits) {
  EXPECT_EQ(parse(R"({"egressRate":18446744073709551615,"egressBurst":34359738359})").egress,
            (Limit{18446744073709551615ULL, 34359738359ULL}));
}

TEST(BandwidthConf, RefusesALimitWithoutItsOtherHalf) {
  const auto code = cni::Code::invalid_config;
  EXPECT_EQ(refusal(R"({"ingressRate":8000})"),
            std::pair(std::string("if rate is set, burst must also be set"), code));
  EXPECT_EQ(refusal(R"({"egressBurst":8000})"),
            std::pair(std::string("if burst is set, rate must also be set"), code));
}

TEST(BandwidthConf, RefusesValuesThatNoBucketCanHave) {
  const auto code = cni::Code::invalid_config;
  EXPECT_EQ(refusal(R"({"egressRate":8000,"egressBurst":34359738360})"),
            std::pair(std::string("burst cannot be more than 4GB"), code));
  EXPECT_EQ(refusal(R"({"egressRate":7,"egressBurst":8000})").second, code);
  EXPECT_EQ(refusal(R"({"egressRate":8000,"egressBurst":7})").second, code);
}

TEST(BandwidthConf, RefusesAWrongType) {
  for (const char* rate : {R"("1M")", "-1", "1.5", "18446744073709551616", "true"})
    EXPECT_EQ(refusal(R"({"egressBurst":8000,"egressRate":)" + std::string(rate) + "}").second,
              cni::Code::decoding_failure)
        << rate;
}

}  // namespace
}  // namespace bandwidth
