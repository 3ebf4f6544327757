// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "tests/support/temp_dir.h"

namespace flannel {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSubnet =
    "FLANNEL_NETWORK=10.200.0.0/16\nFLANNEL_SUBNET=10.200.3.1/24\n"
    "FLANNEL_IPV6_NETWORK=fd20::/48\nFLANNEL_IPV6_SUBNET=fd20:0:0:3::1/64\n"
    "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n";

cni::Request request_with(const std::string& members) {
  cni::Request request{.network = "fl", .version = {1, 0, 0}};
  request.config =
      json::Object::parse(R"({"cniVersion":"1.0.0","name":"fl","type":"flannel")" + members + "}",
                          "test configuration");
  return request;
}

std::string delegate_config(const std::string& members, const std::string& subnet = kSubnet) {
  const cni::Request request = request_with(members);
  return make_delegate_config(request, parse_conf(request),
                              nodes::parse_subnet_env(subnet, "subnet.env"));
}

std::string error_of(const std::string& members) {
  try {
    parse_conf(request_with(members));
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::invalid_config);
    return error.what();
  }
  return "no error";
}

// The bytes that flannel's own plugin writes for this configuration.
TEST(FlannelConf, MakesTheDelegatesConfigurationAsFlannelDoes) {
  EXPECT_EQ(
      delegate_config(R"(,"delegate":{"hairpinMode":true})"),
      R"({"cniVersion":"1.0.0","hairpinMode":true,"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.200.3.0/24"}],[{"subnet":"fd20:0:0:3::/64"}]],"routes":[{"dst":"10.200.0.0/16"},{"dst":"fd20::/48"}],"type":"host-local"},"isGateway":true,"mtu":1450,"name":"fl","type":"bridge"})");
}

TEST(FlannelConf, LeavesWhatTheUserWroteInTheDelegate) {
  const std::string config = delegate_config(
      R"(,"delegate":{"type":"ptp","ipMasq":true,"mtu":1400},"runtimeConfig":{"mac":"x"})"
      R"(,"ipam":{"dataDir":"/run/x","ranges":[],"routes":[{"dst":"10.9.0.0/16"}]},"dns":{})");
  for (const char* part :
       {R"("ipMasq":true)", R"("mtu":1400)", R"("type":"ptp")", R"("runtimeConfig":{"mac":"x"})",
        R"("dataDir":"/run/x")", R"([{"subnet":"10.200.3.0/24"}])",
        R"("routes":[{"dst":"10.9.0.0/16"},{"dst":"10.200.0.0/16"},{"dst":"fd20::/48"}])"})
    EXPECT_THAT(config, HasSubstr(part));
  for (const char* part : {"isGateway", "dns"}) EXPECT_THAT(config, Not(HasSubstr(part)));
}

TEST(FlannelConf, ListsANetworkOnce) {
  EXPECT_THAT(delegate_config("",
                              "FLANNEL_NETWORK=10.1.0.0/16,10.1.0.0/16,10.2.0.0/16\n"
                              "FLANNEL_SUBNET=10.1.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=no\n"),
              AllOf(HasSubstr(R"("routes":[{"dst":"10.1.0.0/16"},{"dst":"10.2.0.0/16"}])"),
                    HasSubstr(R"("ipMasq":true)")));
}

TEST(FlannelConf, RefusesWhatFlannelSetsItself) {
  EXPECT_EQ(error_of(R"(,"delegate":{"name":"x"})"),
            "'delegate' dictionary must not have 'name' field, it'll be set by flannel");
  EXPECT_EQ(error_of(R"(,"delegate":{"ipam":{}})"),
            "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel");
  EXPECT_EQ(error_of(R"(,"delegate":{"type":""})"),
            "'delegate' dictionary, if present, must have (string) 'type' field");
  EXPECT_THAT(error_of(R"(,"dataDir":"flannel")"), HasSubstr("key \"dataDir\" must be"));
}

class FlannelSubnetFile : public ::testing::Test {
 protected:
  cni::Error error_of_file() {
    try {
      read_subnet_file({.subnet_file = path_}, cni::Code::not_available);
    } catch (const cni::Error& error) {
      return error;
    }
    return {0U, "no error", ""};
  }
  test::TempDir folder_;
  std::string path_ = folder_ / "subnet.env";
};

// Runtimes' users search for these words.
TEST_F(FlannelSubnetFile, IsMissingInTheWordsOfFlannel) {
  const cni::Error error = error_of_file();
  EXPECT_EQ(error.code(), cni::Code::not_available);
  EXPECT_EQ(error.what(), "failed to load flannel 'subnet.env' file: open " + path_ +
                              ": no such file or directory. Check the flannel pod log for this "
                              "node.");
}

TEST_F(FlannelSubnetFile, IsIncompleteInTheWordsOfFlannel) {
  base::write_file_atomic(path_, "FLANNEL_NETWORK=10.200.0.0/16\n", 0644);
  EXPECT_EQ(std::string(error_of_file().what()),
            "failed to load flannel 'subnet.env' file: " + path_ +
                " is missing FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ. "
                "Check the flannel pod log for this node.");
}

TEST_F(FlannelSubnetFile, WithALineWithoutEqualsSignIsAnErrorAndNotACrash) {
  base::write_file_atomic(path_, std::string(kSubnet) + "FLANNEL_MTU\n", 0644);
  EXPECT_NO_THROW(read_subnet_file({.subnet_file = path_}, cni::Code::internal));
  base::write_file_atomic(path_, "FLANNEL_MTU\n", 0644);
  EXPECT_THAT(error_of_file().what(), HasSubstr("is missing FLANNEL_NETWORK"));
}

TEST_F(FlannelSubnetFile, ThatCannotBeReadIsAnError) {
  base::ensure_directory(path_, 0755);
  EXPECT_EQ(error_of_file().code(), cni::Code::not_available);
  EXPECT_THAT(error_of_file().what(), HasSubstr("failed to load flannel 'subnet.env' file: "));
}

}  // namespace
}  // namespace flannel
