// SPDX-License-Identifier: Apache-2.0
#include "ipam/static/plugin.h"

#include <unistd.h>

#include <ostream>

#include <gmock/gmock.h>

#include "libcni/base/file.h"
#include "libcni/base/subprocess.h"
#include "tests/support/plugin_process.h"

namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kReference = "/usr/lib/cni/static";

class Static : public test::PluginProcess {
 protected:
  Static() { plugin = ipam_static::plugin(); }

  void configure_ipam(const std::string& members, const std::string& more = "") {
    ipam_ = members;
    configure("1.1.0", R"(,"ipam":{"type":"static")" + members + "}" + more);
  }
  void with_prev_result(const std::string& text) {
    configure_ipam(ipam_, ",\"prevResult\":" + text);
  }
  /// "address" or "address via gateway" for each address.
  std::vector<std::string> add() {
    std::vector<std::string> texts;
    EXPECT_EQ(run("ADD"), 0) << output;
    const json answer = json::parse(output);
    for (const json& ip : answer.value("ips", json::array()))
      texts.push_back(
          ip.at("address").get<std::string>() +
          (ip.contains("gateway") ? " via " + ip.at("gateway").get<std::string>() : ""));
    return texts;
  }

 private:
  std::string ipam_;
};

const std::string kTwo =
    R"(,"addresses":[{"address":"10.1.0.5/16","gateway":"10.1.0.1"},{"address":"fd00::5/64"}])";

TEST_F(Static, S135_ReturnsTheConfiguredAddresses) {
  configure_ipam(kTwo + R"(,"routes":[{"dst":"0.0.0.0/0","mtu":1400,"table":0}],
                           "dns":{"nameservers":["192.0.2.53"],"search":["a.test"]})");
  EXPECT_EQ(run("ADD"), 0);
  EXPECT_EQ(json::parse(output).dump(),
            R"({"cniVersion":"1.1.0","dns":{"nameservers":["192.0.2.53"],"search":["a.test"]},)"
            R"("ips":[{"address":"10.1.0.5/16","gateway":"10.1.0.1"},{"address":"fd00::5/64"}],)"
            R"("routes":[{"dst":"0.0.0.0/0","mtu":1400,"table":0}]})");
}

TEST_F(Static, MayHaveNoAddressAtAll) {
  configure_ipam("");
  EXPECT_THAT(add(), IsEmpty());
}

TEST_F(Static, S246_AppendsTheAddressesOfCniArgs) {
  configure_ipam(kTwo);
  environment["CNI_ARGS"] =
      "IP=10.2.0.7/24, 10.3.0.7/24;GATEWAY=10.3.0.1, 10.1.0.9;IgnoreUnknown=1;K8S_POD_NAME=p";
  EXPECT_THAT(add(), ElementsAre("10.1.0.5/16 via 10.1.0.1", "fd00::5/64", "10.2.0.7/24",
                                 "10.3.0.7/24 via 10.3.0.1"));
}

TEST_F(Static, S059_S251_ArgsReplaceAllAndCapabilitiesReplaceArgs) {
  environment["CNI_ARGS"] = "IP=10.2.0.7/24";
  configure_ipam(kTwo, R"(,"args":{"cni":{"ips":["10.4.0.7/24"]}})");
  EXPECT_THAT(add(), ElementsAre("10.4.0.7/24"));
  configure_ipam(kTwo, R"(,"args":{"cni":{"ips":["10.4.0.7/24"]}},
                           "runtimeConfig":{"ips":["10.5.0.7/24","fd05::7/64"]})");
  EXPECT_THAT(add(), ElementsAre("10.5.0.7/24", "fd05::7/64"));
}

TEST_F(Static, RefusesInvalidValues) {
  const auto refusal = [&](const std::string& members, const std::string& args = "",
                           const std::string& more = "") {
    configure_ipam(members, more);
    environment["CNI_ARGS"] = args;
    const json error = failure_of("ADD");
    return std::to_string(error.at("code").get<int>()) + " " + error.at("msg").get<std::string>();
  };
  EXPECT_EQ(refusal(R"(,"addresses":[{"address":"10.1.0.5"}])"),
            "7 the 'address' field is expected to be in CIDR notation, got: '10.1.0.5'");
  EXPECT_EQ(refusal("", "IP=10.1.0.5"),
            "7 the 'ip' field is expected to be in CIDR notation, got: '10.1.0.5'");
  EXPECT_EQ(refusal("", "GATEWAY=zz"), "7 invalid gateway address: zz");
  EXPECT_EQ(refusal("", "", R"(,"runtimeConfig":{"ips":["10.1.0.5"]})"),
            "7 an entry in the 'ips' field is NOT in CIDR notation, got: '10.1.0.5'");
  EXPECT_EQ(refusal("", "", R"(,"args":{"cni":{"ips":[""]}})"),
            "7 an entry in the 'ips' field is NOT in CIDR notation, got: ''");
  EXPECT_EQ(refusal(R"(,"addresses":[{"address":"10.1.0.5/16","gateway":"zz"}])").substr(0, 33),
            "7 key \"ipam.addresses[0].gateway\"");
  EXPECT_EQ(refusal("", "K8S_POD_NAME=p").substr(0, 2), "4 ");
}

TEST_F(Static, NeedsTheKeyIpam) {
  configure("1.1.0");
  EXPECT_EQ(failure_of("ADD").at("msg"), "IPAM config missing 'ipam' key");
}

TEST_F(Static, AllowsOneAddressPerFamilyBefore030) {
  configure("0.2.0",
            R"(,"ipam":{"addresses":[{"address":"10.1.0.5/16"},{"address":"10.1.0.6/16"}]})");
  EXPECT_EQ(failure_of("ADD").at("msg"),
            "CNI version 0.2.0 does not support more than 1 address per family");
}

TEST_F(Static, CheckPassesAfterChangesOfOtherPlugins) {
  configure_ipam(kTwo);
  with_prev_result(R"({"ips":[{"address":"10.1.0.5/16","gateway":"10.1.0.1"},
                              {"address":"192.0.2.7/24"}]})");
  EXPECT_EQ(run("CHECK"), 0) << output;
  with_prev_result(R"({"ips":[{"address":"fd00::5/64","gateway":"fd00::1"}]})");
  EXPECT_EQ(run("CHECK"), 0) << "a main plugin fills in gateways: " << output;
  with_prev_result(R"({"ips":[{"address":"10.1.0.5/32"},{"address":"fd00::5/128"}]})");
  EXPECT_EQ(run("CHECK"), 0) << "bgp routes each address alone: " << output;
}

TEST_F(Static, CheckFailsWhereTheGatewayOrAllAddressesChanged) {
  configure_ipam(kTwo);
  EXPECT_EQ(code_of("CHECK"), 7u);  // S-179
  with_prev_result(R"({"ips":[{"address":"10.1.0.5/16","gateway":"10.1.0.9"}]})");
  EXPECT_EQ(failure_of("CHECK").at("msg"),
            "static: Failed to match addr 10.1.0.5/16 on interface eth0");
  with_prev_result(R"({"ips":[{"address":"10.1.0.6/16"}]})");
  EXPECT_EQ(failure_of("CHECK").at("msg"),
            "static: none of the configured addresses is in prevResult");
}

TEST_F(Static, S201_DelAndGcHaveNothingToDo) {
  configure("1.1.0", R"(,"ipam":{"addresses":"broken"})");
  environment["CNI_ARGS"] = "garbage";
  EXPECT_EQ(run("DEL"), 0) << output;
  EXPECT_EQ(run("GC"), 0) << output;
}

TEST_F(Static, S211_StatusReadsTheConfigurationOnly) {
  configure_ipam(kTwo);
  environment["CNI_ARGS"] = "garbage";
  EXPECT_EQ(run("STATUS"), 0) << output;
  configure_ipam(R"(,"addresses":[{"address":"10.1.0.5"}])");
  EXPECT_EQ(code_of("STATUS"), 7u);
}

TEST_F(Static, RunsItsExample) {
  input = base::read_file("example.conf");
  EXPECT_THAT(add(), ElementsAre("10.22.0.5/16 via 10.22.0.1", "fd00:22::5/64 via fd00:22::1"));
}

/// CNI_ARGS and the text after `ipam` in a configuration.
struct Vector {
  std::string args;
  std::string ipam;
  std::string more;
};

void PrintTo(const Vector& v, std::ostream* out) {
  *out << v.args << " " << v.ipam << " " << v.more;
}

class StaticReference : public Static, public testing::WithParamInterface<Vector> {
 protected:
  /// The outcome without the parts that may differ: codes, details, an empty `dns`.
  static std::string essence(const std::string& text) {
    json answer = json::parse(text);
    if (answer.contains("code")) return answer.at("msg");
    if (answer.at("dns").empty()) answer.erase("dns");
    return answer.dump();
  }
};

TEST_P(StaticReference, AnswersTheSame) {
  if (::access(kReference, X_OK) != 0) GTEST_SKIP() << kReference << " is not installed";
  const auto& [args, ipam, more] = GetParam();
  configure("0.4.0",
            R"(,"ipam":{"type":"static")" + ipam + "}" + more);  // where dns is always there
  environment["CNI_ARGS"] = args;
  run("ADD");
  base::Command command;
  command.path = kReference;
  command.environment = {"CNI_COMMAND=ADD", "CNI_CONTAINERID=c1",     "CNI_IFNAME=eth0",
                         "CNI_PATH=/",      "CNI_NETNS=/nonexistent", "CNI_ARGS=" + args};
  command.input = input;
  EXPECT_EQ(essence(output), essence(base::run(command).output));
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, StaticReference,
    testing::Values(
        Vector{"", kTwo, ""}, Vector{"", "", ""},
        Vector{"", kTwo + R"(,"routes":[{"dst":"10.9.0.0/16","gw":"10.1.0.9"},{"dst":"::/0"}])",
               ""},
        Vector{"", kTwo + R"(,"dns":{"nameservers":["192.0.2.1"],"domain":"d","options":["o"]})",
               ""},
        Vector{"IP=10.2.0.7/24", kTwo, ""},
        Vector{"IP=10.2.0.7/24, 10.3.0.7/24 ;GATEWAY=10.3.0.1", kTwo, ""},
        Vector{"IP=10.1.0.6/16;GATEWAY=10.1.0.9", kTwo, ""}, Vector{"IP=10.2.0.7", kTwo, ""},
        Vector{"GATEWAY=zz", kTwo, ""}, Vector{"IP=", kTwo, ""},
        Vector{"IP=10.2.0.7/24", kTwo, R"(,"args":{"cni":{"ips":["10.4.0.7/24"]}})"},
        Vector{"", kTwo, R"(,"args":{"cni":{"ips":[]}})"},
        Vector{"", kTwo, R"(,"runtimeConfig":{"ips":["10.5.0.7/24","fd05::7/64"]})"},
        Vector{"", kTwo, R"(,"runtimeConfig":{"ips":["10.5.0.7"]})"},
        Vector{"", R"(,"addresses":[{"address":"10.1.0.5"}])", ""},
        Vector{"", R"(,"addresses":[{"address":"::ffff:10.1.0.5/112"}])", ""}));

}  // namespace
