// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/conf.h"

#include <netinet/in.h>

#include <gtest/gtest.h>

#include "plugins/portmap/conditions.h"

namespace portmap {
namespace {

cni::Request request(const std::string& config) {
  return {.container_id = "c1",
          .ifname = "eth0",
          .config = json::Object::parse(config, "test configuration"),
          .network = "net1",
          .version = cni::kNewestVersion};
}

cni::Request with_mapping(const std::string& mapping) {
  return request(R"({"runtimeConfig":{"portMappings":[)" + mapping + "]}}");
}

/// The message and code with which `config` is refused.
std::pair<std::string, cni::Code> refusal(const cni::Request& config) {
  try {
    parse_conf(config);
  } catch (const cni::Error& error) {
    return {error.what(), error.code()};
  }
  return {"accepted", {}};
}

TEST(PortmapConf, DefaultsAreTheReferencesButForTheBackend) {
  const Conf conf = parse_conf(request("{}"));
  EXPECT_EQ(conf, Conf{});
  EXPECT_EQ(conf.backend, Backend::nftables);
  EXPECT_TRUE(conf.snat);
  EXPECT_EQ(conf.mark_bit, 13);
}

TEST(PortmapConf, S247_ReadsMappings) {
  const Conf conf = parse_conf(
      with_mapping(R"({"hostPort":8080,"containerPort":80,"protocol":"TCP"},)"
                   R"({"hostPort":53,"containerPort":5353,"protocol":"udp","hostIP":"192.0.2.1"},)"
                   R"({"hostPort":9,"containerPort":9})"));
  ASSERT_EQ(conf.mappings.size(), 3u);
  EXPECT_EQ(conf.mappings[0],
            (firewall::HostPort{.protocol = IPPROTO_TCP, .host_port = 8080, .container_port = 80}));
  EXPECT_EQ(conf.mappings[1].host_ip, base::IpAddress::parse("192.0.2.1"));
  EXPECT_EQ(conf.mappings[2].protocol, IPPROTO_TCP);
}

TEST(PortmapConf, S254_RefusesInvalidMappings) {
  const auto code = cni::Code::invalid_config;
  EXPECT_EQ(refusal(with_mapping(R"({"hostPort":0,"containerPort":80})")),
            std::pair(std::string("Invalid host port number: 0"), code));
  EXPECT_EQ(refusal(with_mapping(R"({"hostPort":70000,"containerPort":80})")),
            std::pair(std::string("Invalid host port number: 70000"), code));
  EXPECT_EQ(refusal(with_mapping(R"({"hostPort":80})")),
            std::pair(std::string("Invalid container port number: 0"), code));
  EXPECT_EQ(refusal(with_mapping(R"({"hostPort":80,"containerPort":80,"protocol":"xtp"})")),
            std::pair(std::string("Invalid protocol: \"xtp\""), code));
  EXPECT_EQ(refusal(with_mapping(R"({"hostPort":80,"containerPort":80,"hostIP":"here"})")),
            std::pair(std::string("Invalid host IP: \"here\""), code));
  EXPECT_EQ(refusal(with_mapping(R"({"hostPort":"80","containerPort":80})")).second,
            cni::Code::decoding_failure);
}

TEST(PortmapConf, RefusesTwoDestinationsForOnePort) {
  EXPECT_EQ(
      parse_conf(
          with_mapping(R"({"hostPort":80,"containerPort":80},{"hostPort":80,"containerPort":80})"))
          .mappings.size(),
      1u);
  EXPECT_EQ(refusal(with_mapping(
                        R"({"hostPort":80,"containerPort":80},{"hostPort":80,"containerPort":81})"))
                .first,
            "host port tcp 80 is mapped twice");
}

TEST(PortmapConf, RefusesBadKeys) {
  EXPECT_EQ(refusal(request(R"({"backend":"pf"})")).first, "unrecognized backend \"pf\"");
  EXPECT_EQ(refusal(request(R"({"markMasqBit":32})")).first,
            "MasqMarkBit must be between 0 and 31");
  EXPECT_EQ(refusal(request(R"({"markMasqBit":3,"externalSetMarkChain":"X"})")).first,
            "Cannot specify externalSetMarkChain and markMasqBit");
  EXPECT_EQ(refusal(request(R"({"backend":"iptables","conditionsV4":["ip","saddr","10.0.0.0/8"]})"))
                .first,
            "iptables backend was requested but configuration contains nftables-specific options "
            "[conditionsV4]");
  EXPECT_EQ(
      refusal(
          request(
              R"({"backend":"nftables","conditionsV6":["-s","fd00::/8"],"externalSetMarkChain":"X"})"))
          .first,
      "nftables backend was requested but configuration contains iptables-specific options "
      "[externalSetMarkChain conditionsV6]");  // R6
}

TEST(PortmapConf, WordsOfIptablesChooseIptables) {
  EXPECT_EQ(parse_conf(request(R"({"conditionsV4":["!","-s","10.0.0.0/8"]})")).backend,
            Backend::iptables);
  EXPECT_EQ(parse_conf(request(R"({"externalSetMarkChain":"KUBE-MARK-MASQ"})")).backend,
            Backend::iptables);
  EXPECT_EQ(parse_conf(request(R"({"conditionsV4":["ip saddr 10.0.0.0/8"]})")).backend,
            Backend::nftables);
}

TEST(PortmapConf, KnownUdpPortsSurviveABrokenConfiguration) {
  EXPECT_NO_THROW(known_udp_ports(request(R"({"runtimeConfig":{"portMappings":9}})")));
  EXPECT_EQ(known_udp_ports(with_mapping(R"({"hostPort":53,"containerPort":53,"protocol":"udp"})")),
            std::vector<std::uint16_t>{53});
}

std::string condition_refusal(const std::vector<std::string>& words) {
  try {
    parse_conditions(words, "conditionsV4");
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(PortmapConditions, ReadsNftsWords) {
  using Kind = firewall::HostPortCondition::Kind;
  const auto conditions =
      parse_conditions({"ip", "saddr", "!=", "10.1.2.3/8", "iifname", "\"eth0\"", "meta", "mark",
                        "&", "0xff", "==", "0x10", "ip6", "daddr", "fd00::1"},
                       "conditionsV4");
  ASSERT_EQ(conditions.size(), 4u);
  EXPECT_EQ(
      conditions[0],
      (firewall::HostPortCondition{
          .kind = Kind::source, .negated = true, .prefix = *base::Prefix::parse("10.0.0.0/8")}));
  EXPECT_EQ(conditions[1].link, "eth0");
  EXPECT_EQ(conditions[2].mark, 0x10u);
  EXPECT_EQ(conditions[2].mask, 0xffu);
  EXPECT_EQ(conditions[3].prefix, *base::Prefix::parse("fd00::1/128"));
}

TEST(PortmapConditions, NamesTheWordItCannotRead) {
  EXPECT_EQ(condition_refusal({"tcp", "flags"}),
            "conditionsV4: \"tcp\" is not a condition that portmap knows");
  EXPECT_EQ(condition_refusal({"ip", "saddr", "fd00::1"}),
            "conditionsV4: \"fd00::1\" is not a condition that portmap knows");
  EXPECT_EQ(condition_refusal({"meta", "mark", "x"}),
            "conditionsV4: \"x\" is not a condition that portmap knows");
  EXPECT_EQ(condition_refusal({"ip", "saddr"}), "conditionsV4 ends in the middle of a condition");
}

}  // namespace
}  // namespace portmap
