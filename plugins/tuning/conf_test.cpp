// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/conf.h"

#include <gtest/gtest.h>

namespace tuning {
namespace {

cni::Request request(const std::string& config, const std::string& args = {}) {
  return {.container_id = "c1",
          .ifname = "eth0.100",
          .args = args,
          .stdin_text = config,
          .config = json::Object::parse(config, "test configuration"),
          .network = "net1",
          .version = cni::kNewestVersion};
}

/// The message and code with which `config` is refused.
std::pair<std::string, cni::Code> refusal(const std::string& config) {
  try {
    parse_conf(request(config));
  } catch (const cni::Error& error) {
    return {error.what(), error.code()};
  }
  return {"accepted", {}};
}

std::vector<std::pair<std::string, std::string>> sysctls_of(const std::string& config) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Sysctl& each : parse_conf(request(config)).sysctls)
    pairs.emplace_back(each.path, each.value);
  return pairs;
}
using Pairs = decltype(sysctls_of(""));

TEST(TuningConf, ChangesNothingByDefault) {
  EXPECT_EQ(parse_conf(request("{}")), Conf{});
  EXPECT_EQ(parse_conf(request(R"({"mac":"","promisc":false,"mtu":0,"allmulti":null})")), Conf{});
  EXPECT_EQ(data_dir(request("{}").config), "/run/cni/tuning");
  EXPECT_EQ(data_dir(request(R"({"dataDir":""})").config), "/run/cni/tuning");
  EXPECT_EQ(data_dir(request(R"({"DATADIR":"/x"})").config), "/x");
}

TEST(TuningConf, ReadsEveryKey) {
  const Conf conf = parse_conf(request(
      R"({"mac":"02:AB:00:00:00:01","promisc":true,"mtu":1400,"allmulti":false,"txQLen":0})"));
  EXPECT_EQ(conf.link, (net::LinkSettings{.mac = base::Mac::parse("02:ab:00:00:00:01"),
                                          .promisc = true,
                                          .mtu = 1400,
                                          .allmulti = false,
                                          .tx_queue_length = 0}));
  EXPECT_EQ(conf.mac_text, "02:AB:00:00:00:01");
}

TEST(TuningConf, S252_MacAddressHasFourSourcesInAscendingPrecedence) {
  const auto mac = [](const std::string& config, const std::string& args = {}) {
    return parse_conf(request(config, args)).mac_text;
  };
  const std::string own = R"("mac":"02:00:00:00:00:01")";
  const std::string runtime = R"("runtimeConfig":{"mac":"02:00:00:00:00:03"})";
  const std::string args = R"("args":{"cni":{"mac":"02:00:00:00:00:04"}})";
  const std::string environment = "IgnoreUnknown=1;K8S_POD_NAME=x;MAC=02:00:00:00:00:02";
  EXPECT_EQ(mac("{" + own + "}"), "02:00:00:00:00:01");
  EXPECT_EQ(mac("{" + own + "}", environment), "02:00:00:00:00:02");
  EXPECT_EQ(mac("{" + own + "}", "MAC="), "02:00:00:00:00:01");
  EXPECT_EQ(mac("{" + own + "," + runtime + "}", environment), "02:00:00:00:00:03");
  EXPECT_EQ(mac("{" + own + "," + runtime + "," + args + "}", environment), "02:00:00:00:00:04");
  EXPECT_EQ(mac("{" + own + R"(,"args":{"cni":{"mac":""}}})"), "");  // leaves it
  EXPECT_THROW(mac("{}", "X=1"), cni::Error);
}

TEST(TuningConf, ArgsTakePrecedenceAlsoWithValuesThatLeaveTheLink) {
  const std::string own = R"("promisc":true,"mtu":1400,"allmulti":true,"txQLen":5,"args":{"cni":{)";
  const auto link = [&](const std::string& args) {
    return parse_conf(request("{" + own + args + "}}}")).link;
  };
  EXPECT_EQ(link(R"("promisc":false,"mtu":0,"allmulti":false,"txQLen":0)"),
            (net::LinkSettings{.allmulti = false, .tx_queue_length = 0}));
  EXPECT_EQ(
      link(R"("promisc":null,"mtu":1300)"),
      (net::LinkSettings{.promisc = true, .mtu = 1300, .allmulti = true, .tx_queue_length = 5}));
}

TEST(TuningConf, SysctlsKeepTheirOrderAndArgsReplaceOrFollow) {
  EXPECT_EQ(sysctls_of(R"({"sysctl":{"net.z":"1","net.a":"2"},
                           "args":{"cni":{"sysctl":{"net.b":"3","net.z":"4"}}}})"),
            (Pairs{{"net/z", "4"}, {"net/a", "2"}, {"net/b", "3"}}));
}

// The reference panics.
TEST(TuningConf, SysctlsOfArgsNeedNoneInTheConfiguration) {
  EXPECT_EQ(sysctls_of(R"({"args":{"cni":{"sysctl":{"net.b":"3"}}}})"), (Pairs{{"net/b", "3"}}));
}

TEST(TuningConf, RefusesASysctlThatIsWrittenTwice) {
  EXPECT_EQ(
      refusal(R"({"sysctl":{"net.a":"1","net.b":"1","net.a":"1"}})"),
      std::pair(std::string("duplicated sysctl keys are not allowed"), cni::Code::invalid_config));
  EXPECT_EQ(refusal(R"({"sysctl":{"net.a":"1","net/a":"1"}})").first, "accepted");
}

TEST(TuningConf, MakesThePathAsTheReferenceDoes) {
  EXPECT_EQ(sysctl_path("net.core.somaxconn", "eth0"), "net/core/somaxconn");
  EXPECT_EQ(sysctl_path("net.ipv4.conf.IFNAME.rp_filter", "eth0.100"),
            "net/ipv4/conf/eth0.100/rp_filter");
  EXPECT_EQ(sysctl_path("net/ipv4/conf/IFNAME/IFNAME", "x"), "net/ipv4/conf/x/IFNAME");
  EXPECT_EQ(sysctl_path("/net//core/somaxconn", "eth0"), "net/core/somaxconn");
}

TEST(TuningConf, RefusesKeysOutsideOfTheNamespace) {
  for (const char* key :
       {"kernel.hostname", "/proc/sys/kernel/hostname", "/proc/sys/net/core/somaxconn", "net", "",
        "net.", "..", "../net/core/somaxconn", "net/../kernel/hostname", "/etc/passwd", "netx.core",
        "IFNAME", "net/..", "fs/IFNAME"})
    EXPECT_THROW(sysctl_path(key, "eth0"), cni::Error) << key;
  EXPECT_THROW(sysctl_path(std::string("net/core/a\0b", 12), "eth0"), cni::Error);
  EXPECT_EQ(
      refusal(R"({"sysctl":{"kernel.foo":"1"}})"),
      std::pair(std::string("invalid net sysctl key: \"kernel/foo\""), cni::Code::invalid_config));
}

TEST(TuningConf, RefusesWrongTypesAndValues) {
  const auto code = [](const std::string& config) { return refusal(config).second; };
  for (const char* wrong :
       {R"({"sysctl":[]})", R"({"sysctl":{"net.a":1}})", R"({"args":{"cni":{"sysctl":{"a":{}}}}})",
        R"({"mac":1})", R"({"promisc":"yes"})", R"({"mtu":"1400"})", R"({"allmulti":1})",
        R"({"txQLen":1.5})", R"({"dataDir":{}})"})
    EXPECT_EQ(code(wrong), cni::Code::decoding_failure) << wrong;
  for (const char* wrong : {R"({"mac":"zz"})", R"({"mtu":-1})", R"({"mtu":65536})",
                            R"({"txQLen":-1})", R"({"txQLen":4294967296})"})
    EXPECT_EQ(code(wrong), cni::Code::invalid_config) << wrong;
  EXPECT_EQ(refusal(R"({"mac":"zz"})").first,
            "invalid args zz for MAC addr: address zz: invalid MAC address");
}

}  // namespace
}  // namespace tuning
