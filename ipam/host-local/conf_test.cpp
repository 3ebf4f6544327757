// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/conf.h"

#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipam_host_local {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

cni::Request request(const std::string& config, const std::string& args = "") {
  cni::Request made;
  made.config = json::Object::parse(config, "configuration");
  made.network = "net";
  made.version = cni::kNewestVersion;
  made.args = args;
  return made;
}

cni::Request with_ipam(const std::string& members) {
  return request(R"({"ipam":{"type":"host-local")" + members + "}}");
}

std::vector<std::string> sets_of(const cni::Request& made) {
  std::vector<std::string> texts;
  for (const ipam::RangeSet& set : parse_conf(made).sets) texts.push_back(set.text());
  return texts;
}

std::vector<std::string> requested(const cni::Request& made) {
  std::vector<std::string> texts;
  for (const base::IpAddress& address : parse_requested(made, parse_conf(made).sets))
    texts.push_back(address.text());
  return texts;
}

cni::Error refusal(const cni::Request& made) {
  try {
    parse_requested(made, parse_conf(made).sets);
  } catch (const cni::Error& error) {
    return error;
  }
  ADD_FAILURE() << "not refused: " << made.config.text();
  return {cni::Code::internal, ""};
}

TEST(HostLocalConf, S248_NumbersTheSetsLikeTheReference) {
  EXPECT_THAT(sets_of(request(R"({
    "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24"}]]},
    "ipam": {"subnet": "10.3.0.0/24", "rangeStart": "10.3.0.9", "rangeEnd": "10.3.0.19",
             "ranges": [[{"subnet": "10.4.0.0/24"}, {"subnet": "10.5.0.0/24"}]]}})")),
              ElementsAre("10.1.0.1-10.1.0.254", "10.2.0.1-10.2.0.254", "10.3.0.9-10.3.0.19",
                          "10.4.0.1-10.4.0.254,10.5.0.1-10.5.0.254"));
}

TEST(HostLocalConf, IgnoresARangeWithoutSubnetBesideRanges) {
  EXPECT_THAT(
      sets_of(with_ipam(R"(,"rangeStart":"10.9.0.1","ranges":[[{"subnet":"10.1.0.0/24"}]])")),
      ElementsAre("10.1.0.1-10.1.0.254"));
}

TEST(HostLocalConf, ReadsKeysInAnyCaseAndEmptyAddressesAsAbsent) {
  EXPECT_THAT(sets_of(with_ipam(R"(,"SUBNET":"10.1.0.0/24","RangeStart":"","gateway":null)")),
              ElementsAre("10.1.0.1-10.1.0.254"));
}

TEST(HostLocalConf, KeepsRoutesAsGiven) {
  const Conf conf = parse_conf(with_ipam(
      R"(,"subnet":"10.1.0.0/24","routes":[{"dst":"0.0.0.0/0"},
         {"dst":"10.9.0.0/16","gw":"10.1.0.9","mtu":1400,"advmss":1360,"priority":7,"table":0,
          "scope":0,"foo":1}])"));
  ASSERT_EQ(conf.routes.size(), 2u);
  EXPECT_EQ(conf.routes[1], (cni::Route{.dst = *base::Prefix::parse("10.9.0.0/16"),
                                        .gateway = base::IpAddress::parse("10.1.0.9"),
                                        .mtu = 1400,
                                        .advmss = 1360,
                                        .priority = 7,
                                        .table = 0,
                                        .scope = 0}));
}

TEST(HostLocalConf, HasTheReferencesDataDir) {
  EXPECT_EQ(parse_data_dir(with_ipam("")), "/var/lib/cni/networks");
  EXPECT_EQ(parse_data_dir(with_ipam(R"(,"dataDir":"")")), "/var/lib/cni/networks");
  EXPECT_EQ(parse_data_dir(with_ipam(R"(,"dataDir":"/run/x")")), "/run/x");
}

TEST(HostLocalConf, S172_FindsTheDataDirInABrokenConfiguration) {
  EXPECT_EQ(parse_data_dir(with_ipam(R"(,"subnet":7,"ranges":"x","dataDir":"/run/x")")), "/run/x");
  EXPECT_EQ(parse_data_dir(request("{}")), "/var/lib/cni/networks");
}

struct Refusal {
  std::string members;
  std::string words;
};

void PrintTo(const Refusal& v, std::ostream* out) {
  *out << v.members;
}

class HostLocalRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(HostLocalRefusal, NamesKeyAndValue) {
  const cni::Error error = refusal(with_ipam(GetParam().members));
  EXPECT_EQ(error.code(), cni::Code::invalid_config);
  EXPECT_THAT(error.what(), HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(
    All, HostLocalRefusal,
    testing::Values(
        Refusal{"", "no IP ranges specified"}, Refusal{R"(,"ranges":[])", "no IP ranges specified"},
        Refusal{R"(,"ranges":[[]])", "invalid range set 0: empty range set"},
        Refusal{R"(,"ranges":[[{}]])", "ipam.ranges[0][0].subnet"},
        Refusal{R"(,"subnet":"")", "ipam.subnet"},
        Refusal{R"(,"subnet":"10.1.0.0")", "\"10.1.0.0\""},
        Refusal{R"(,"subnet":"10.1.0.0/24","gateway":"zz")", "ipam.gateway"},
        Refusal{R"(,"ranges":[[{"subnet":"10.1.0.0/24","rangeEnd":"10.1.0.07"}]])",
                "ipam.ranges[0][0].rangeEnd"},
        Refusal{R"(,"subnet":"10.1.0.0/31")", "Network 10.1.0.0/31 too small to allocate from"},
        Refusal{R"(,"subnet":"10.1.0.0/24","routes":[{"dst":"x"}])", "ipam.routes[0].dst"},
        Refusal{R"(,"subnet":"10.1.0.0/24","ranges":[[{"subnet":"10.1.0.0/16"}]])",
                "range set 0 overlaps with 1"}));

TEST(HostLocalConf, NeedsTheKeyIpam) {
  EXPECT_STREQ(refusal(request("{}")).what(), "IPAM config missing 'ipam' key");
}

TEST(HostLocalConf, AllowsOneSetPerFamilyBefore030) {
  cni::Request made = with_ipam(
      R"(,"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}],[{"subnet":"fd01::/64"}]])");
  EXPECT_EQ(sets_of(made).size(), 3u);
  made.version = {0, 2, 0};
  EXPECT_STREQ(refusal(made).what(),
               "CNI version 0.2.0 does not support more than 1 address per family");
}

const std::string kDual =
    R"("ipam":{"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]})";

TEST(HostLocalConf, S246_S251_CollectsRequestedAddressesFromAllThreeSources) {
  EXPECT_THAT(requested(request("{" + kDual + "}")), IsEmpty());
  EXPECT_THAT(
      requested(request("{" + kDual + "}", "IP=10.1.0.8/16;IgnoreUnknown=1;K8S_POD_NAME=p")),
      ElementsAre("10.1.0.8"));
  EXPECT_THAT(requested(request(R"({"args":{"cni":{"ips":["fd00::9/64"]}},
                            "runtimeConfig":{"ips":["10.1.0.7/24","fd00::7"]},)" +
                                    kDual + "}",
                                "IP=10.1.0.8")),
              ElementsAre("10.1.0.8", "fd00::9", "10.1.0.7", "fd00::7"));
}

TEST(HostLocalConf, S059_ArgsOverrideCniArgs) {
  EXPECT_THAT(
      requested(request(R"({"args":{"cni":{"ips":["10.1.0.9"]}},)" + kDual + "}", "IP=10.1.0.8")),
      ElementsAre("10.1.0.9"));
}

TEST(HostLocalConf, S254_RefusesRequestsThatAreNoAddress) {
  EXPECT_THAT(refusal(request("{" + kDual + "}", "IP=zz")).what(), HasSubstr("\"zz\" of CNI_ARGS"));
  EXPECT_THAT(refusal(request(R"({"runtimeConfig":{"ips":[""]},)" + kDual + "}")).what(),
              HasSubstr("runtimeConfig.ips"));
}

TEST(HostLocalConf, S244_RefusesUnknownCniArgs) {
  EXPECT_EQ(refusal(request("{" + kDual + "}", "K8S_POD_NAME=p")).code(),
            cni::Code::invalid_environment);
}

}  // namespace
}  // namespace ipam_host_local
