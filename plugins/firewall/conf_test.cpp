// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace firewall_plugin {
namespace {

Conf parse(const std::string& config) {
  return parse_conf({.config = json::Object::parse(config, "test configuration")});
}

std::pair<cni::Code, std::string> refusal(const std::string& config) {
  try {
    parse(config);
  } catch (const cni::Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

TEST(FirewallConf, HasTheReferencesDefaults) {
  const Conf conf = parse("{}");
  EXPECT_EQ(conf, Conf{});
  EXPECT_EQ(conf.backend, Backend::automatic);
  EXPECT_EQ(conf.admin_chain, "CNI-ADMIN");
  EXPECT_EQ(conf.zone, "trusted");
  EXPECT_EQ(conf.ingress, IngressPolicy::open);
}

TEST(FirewallConf, EmptyTextsAreDefaults) {
  EXPECT_EQ(parse(R"({"backend":"","iptablesAdminChainName":"","firewalldZone":"",)"
                  R"("ingressPolicy":""})"),
            Conf{});
}

TEST(FirewallConf, ReadsEveryKey) {
  EXPECT_EQ(parse(R"({"backend":"firewalld","iptablesAdminChainName":"NOMAD-ADMIN",)"
                  R"("firewalldZone":"public","ingressPolicy":"isolated"})"),
            (Conf{.backend = Backend::firewalld,
                  .admin_chain = "NOMAD-ADMIN",
                  .zone = "public",
                  .ingress = IngressPolicy::isolated}));
  EXPECT_EQ(parse(R"({"backend":"iptables"})").backend, Backend::iptables);
  EXPECT_EQ(parse(R"({"backend":"nftables"})").backend, Backend::nftables);
}

TEST(FirewallConf, TakesAnUnknownBackendAsAutomatic) {
  EXPECT_EQ(parse(R"({"backend":"ipfw"})").backend, Backend::automatic);
}

TEST(FirewallConf, RefusesAnUnknownIngressPolicy) {
  EXPECT_EQ(refusal(R"({"ingressPolicy":"zz"})"),
            std::pair(cni::Code::invalid_config, std::string("unknown ingress policy: \"zz\"")));
}

TEST(FirewallConf, RefusesAnAdminChainThatIptablesWouldMisread) {
  for (const char* name :
       {"-A", "two words", "ACCEPT", "a-name-of-more-than-28-characters", "x\\n"})
    EXPECT_EQ(refusal(R"({"iptablesAdminChainName":")" + std::string(name) + "\"}").first,
              cni::Code::invalid_config)
        << name;
}

TEST(FirewallConf, RefusesAZoneThatFirewalldCannotHave) {
  for (const std::string& zone : {std::string(R"(a\u0000b)"), std::string(R"(a\nb)"),
                                  std::string("a\xff"), std::string(65, 'x')})
    EXPECT_EQ(refusal(R"({"firewalldZone":")" + zone + "\"}").first, cni::Code::invalid_config)
        << zone;
  EXPECT_EQ(parse(R"({"firewalldZone":"zone-\u00e4/2"})").zone, "zone-\u00e4/2");
}

TEST(FirewallConf, RefusesAValueOfTheWrongType) {
  for (const char* key : {"backend", "iptablesAdminChainName", "firewalldZone", "ingressPolicy"})
    EXPECT_EQ(refusal("{\"" + std::string(key) + "\":1}").first, cni::Code::decoding_failure)
        << key;
}

}  // namespace
}  // namespace firewall_plugin
