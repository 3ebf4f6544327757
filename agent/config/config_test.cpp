// SPDX-License-Identifier: Apache-2.0
#include "agent/config/config.h"

#include <array>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/keys.h"
#include "libcni/base/file.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

using testing::HasSubstr;

std::string refusal_of(const std::string& text, const std::vector<Override>& overrides = {}) {
  try {
    parse_config(text, "plumbd.yaml", overrides);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "accepted";
}

const std::string& sample() {
  static const std::string text = base::read_file("../docs/plumbd.yaml");
  return text;
}

TEST(Config, SampleHasTheDefaults) {
  const Config config = parse_config(sample(), "sample");
  EXPECT_EQ(config.fabric, fabric::Options{});
  EXPECT_EQ(config.etcd, EtcdConfig{});
  EXPECT_EQ(config.kubernetes, KubernetesConfig{});
  EXPECT_EQ(config.bgp, BgpConfig{});
  EXPECT_EQ(config.cni_conf, Config{}.cni_conf);
  EXPECT_EQ(config, Config{});
  EXPECT_EQ(parse_config("", "empty"), Config{});
}

TEST(Config, SampleNamesEveryKey) {
  for (const std::string_view key : config_keys()) {
    const std::string last(key.substr(key.rfind('.') + 1));
    if (last == "*") continue;
    EXPECT_TRUE(sample().find("\n" + last + ":") != std::string::npos ||
                sample().find(" " + last + ":") != std::string::npos)
        << key;
  }
}

TEST(Config, ExamplesParse) {
  for (const auto& entry : std::filesystem::directory_iterator("../conf-examples/plumbd"))
    if (entry.path().extension() == ".yaml") {
      EXPECT_NO_THROW(parse_config(base::read_file(entry.path()), entry.path())) << entry.path();
    }
}

TEST(Config, ReadsEachKind) {
  const Config config = parse_config(R"(
node: 12
network: {ranges: [10.244.0.0/16, "fd00:244::/48"], masquerade: false}
backend: host-gw
underlay: ipv6
mtu: 8950
bgp:
  bfd: true
  reflectors: {role: "rr"}
  peers:
    - {address: 192.0.2.254, asNumber: 4200000000, communities: ["64512:100", "64512:1:2"]}
)",
                                     "x");
  EXPECT_EQ(config.node_name, "12");
  EXPECT_EQ(config.fabric.cluster_ranges.size(), 2u);
  EXPECT_FALSE(config.fabric.masquerade);
  EXPECT_EQ(config.fabric.backend, fabric::Backend::host_gw);
  EXPECT_EQ(config.fabric.underlay_family, AF_INET6);
  EXPECT_EQ(config.fabric.mtu, 8950);
  EXPECT_TRUE(config.bgp.bfd);
  ASSERT_EQ(config.bgp.peers.size(), 1u);
  EXPECT_EQ(config.bgp.peers[0].name, "192.0.2.254");
  EXPECT_EQ(config.bgp.peers[0].as_number, 4200000000u);
  EXPECT_EQ(label_keys(config), std::vector<std::string>{"role"});
}

TEST(Config, BirdsFilesAreInTheRunDirectoryUnlessNamed) {
  const Config moved = parse_config("runDir: /run/other\n", "test", {});
  EXPECT_EQ(moved.bgp.bird_config, "/run/other/bird.conf");
  EXPECT_EQ(moved.bgp.bird_socket, "/run/other/bird.ctl");
  const Config named =
      parse_config("runDir: /run/other\nbgp: {birdConfig: /etc/b.conf}\n", "test", {});
  EXPECT_EQ(named.bgp.bird_config, "/etc/b.conf");
}

TEST(Config, NamesKeyValueAndExpectationOfAMistake) {
  const std::array<std::pair<const char*, const char*>, 17> cases{{
      {"backed: vxlan", "unknown key \"backed\", did you mean \"backend\"?"},
      {"Backend: vxlan", "did you mean \"backend\"?"},
      {"bgp: {peers: [{adress: 1.2.3.4}]}", "\"bgp.peers[0].adress\", did you mean \"address\"?"},
      {"backend: ipip", "auto, vxlan, host-gw or bgp, not \"ipip\""},
      {"vxlan: {vni: 0}", "key \"vxlan.vni\" must be a number from 1 to 16777215, not 0"},
      {"network: {ranges: [10.244.1.0/16]}", "10.244.0.0/16, not 10.244.1.0/16"},
      {"network: {ranges: 10.244.0.0/16}", "network.ranges"},
      {"bgp: {holdSeconds: 2}", "from 3 to 65535"},
      {"bgp: {peers: [{address: 192.0.2.1}]}", "asNumber"},
      {"bgp: {peers: [{address: 'fe80::1', asNumber: 1}]}",
       "\"bgp.peers[0].address\" must be the unicast address of the peer, not a link-local one"},
      {"bgp: {peers: [{address: 0.0.0.0, asNumber: 1}]}", "not \"0.0.0.0\""},
      {"node: a\nnode: b", "plumbd.yaml:2: key \"node\" appears twice"},
      {"node: [", "plumbd.yaml:"},
      {"mtu: 500", "from 1280 to 65535"},
      {"listen: 9474",
       "key \"listen\" must be ADDRESS:PORT such as 127.0.0.1:9474, or the path of a socket, not "
       "\"9474\""},
      {"listen: '[::]:http'", "must be ADDRESS:PORT"},
      {"log: {format: xml}", "key \"log.format\" must be text or json, not \"xml\""},
  }};
  for (const auto& [text, wanted] : cases) EXPECT_THAT(refusal_of(text), HasSubstr(wanted)) << text;
}

// U2 U10
TEST(Config, AllProblemsAreNamedAtOnceWithTheirLines) {
  const std::string text =
      "node: a\nbackend: ipip\nbgp:\n  holdSeconds: 2\n  peers:\n"
      "    - address: 192.0.2.1\n    - {address: x, asNumber: 0}\n"
      "  bdf: true\nnode: b\nrunDir: /run/other\nmtu: [1]\nlisten: 1\n";
  EXPECT_EQ(refusal_of(text),
            "plumbd.yaml:2: key \"backend\" must be auto, vxlan, host-gw or bgp, not \"ipip\"\n"
            "plumbd.yaml:4: key \"bgp.holdSeconds\" must be a number from 3 to 65535, not 2\n"
            "plumbd.yaml:6: key \"bgp.peers[0].asNumber\" must be the AS number of the peer, not "
            "absent\n"
            "plumbd.yaml:7: key \"bgp.peers[1].address\" must be the IP address of the peer, not "
            "\"x\"\n"
            "plumbd.yaml:7: key \"bgp.peers[1].asNumber\" must be a number from 1 to 4294967295, "
            "not 0\n"
            "plumbd.yaml:8: unknown key \"bgp.bdf\", did you mean \"bfd\"?\n"
            "plumbd.yaml:9: key \"node\" appears twice\n"
            "plumbd.yaml:11: key \"mtu\" must be an integer, not [1]\n"
            "plumbd.yaml:12: key \"listen\" must be ADDRESS:PORT such as 127.0.0.1:9474, or the "
            "path of a socket, not \"1\"");
  const ConfigReading reading = read_config(text, "plumbd.yaml");
  EXPECT_EQ(reading.config.run_dir, "/run/other");
  EXPECT_EQ(reading.config.node_name, "a");
}

// U2
TEST(Config, ReadsTheLinesAboveBrokenYaml) {
  const ConfigReading reading = read_config("runDir: /run/other\nnode: [a\nbackend: vxlan\n", "x");
  EXPECT_EQ(reading.config.run_dir, "/run/other");
  ASSERT_EQ(reading.problems.size(), 1u);
  EXPECT_THAT(reading.problems[0].text, testing::MatchesRegex("x:[0-9]+: not YAML: .*"));
}

// U2
TEST(Config, ReportsThatAMistakeMayHideTheFolders) {
  const std::vector<std::pair<std::string, bool>> cases{
      {"mtu: 1\nbakend: vxlan\n", true},
      {"runDir: /a\nstateDir: /b\nnode: [\n", true},
      {"runDir: /a\nnode: [\n", false},
      {"runDir: [1]\n", false},
      {"statedir: /b\n", false},
      {"runDir: /a\nrunDir: /b\n", false},
      {"just text\n", false},
  };
  for (const auto& [text, known] : cases)
    EXPECT_EQ(read_config(text, "x").folders_known, known) << text;
}

// U10
TEST(Config, MistakesInFlagsAndEnvironmentHaveNoLine) {
  const auto reading = read_config("mtu: 1400\nbackend: vxlan\n", "x",
                                   {{"mtu", "1"}, {"bgp.fbd", "true"}, {"node", "[a"}});
  ASSERT_EQ(reading.problems.size(), 3u);
  for (const ConfigProblem& problem : reading.problems) EXPECT_EQ(problem.line, 0) << problem.text;
}

TEST(Config, EnvironmentAndFlagsWinOverTheFile) {
  const std::array<const char*, 5> environment{"NODE_NAME=from-pod", "PLUMB_BGP_AS_NUMBER=64600",
                                               "PLUMB_NETWORK_RANGES=[10.1.0.0/16]", "HOME=/",
                                               nullptr};
  auto overrides = overrides_of(environment.data());
  overrides.push_back({"backend", "bgp"});
  const Config config = parse_config("node: file\nbackend: vxlan\n", "x", overrides);
  EXPECT_EQ(config.node_name, "from-pod");
  EXPECT_EQ(config.bgp.as_number, 64600u);
  EXPECT_EQ(config.fabric.cluster_ranges.at(0).text(), "10.1.0.0/16");
  EXPECT_EQ(config.fabric.backend, fabric::Backend::bgp);
}

TEST(Config, NamesMistypedVariablesAndRefusesMistypedFlags) {
  const std::array<const char*, 3> environment{"PLUMB_BAKEND=vxlan", "PLUMB_BACKEND=x", nullptr};
  EXPECT_EQ(overrides_of(environment.data()).size(), 1u);
  EXPECT_THAT(unknown_variables(environment.data()),
              testing::ElementsAre(HasSubstr("PLUMB_BAKEND names no key")));
  EXPECT_THAT(refusal_of("", {{"bgp.fbd", "true"}}), HasSubstr("unknown key \"bgp.fbd\""));
}

TEST(Config, EachKeyHasAnEnvironmentVariableOfItsOwn) {
  EXPECT_EQ(environment_name("bgp.peers"), "PLUMB_BGP_PEERS");
  EXPECT_EQ(environment_name("bgp.clusterIPs"), "PLUMB_BGP_CLUSTER_IPS");
  EXPECT_EQ(environment_name("runDir"), "PLUMB_RUN_DIR");
  std::vector<std::string> names;
  for (const std::string_view key : config_keys()) names.push_back(environment_name(key));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace agent
