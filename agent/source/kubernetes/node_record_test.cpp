// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/node_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/kubernetes/publisher.h"
#include "libcni/json/object.h"

namespace agent::kubernetes {
namespace {

using base::IpAddress;
using base::Mac;
using base::Prefix;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

class ReadNodeTest : public testing::Test {
 protected:
  ReadNodeTest() {
    config.node_name = "me";
    config.kubernetes.annotation_prefix = "flannel.alpha.coreos.com";
    config.fabric.backend = fabric::Backend::vxlan;
  }
  ReadNode read() { return read_node(record, config); }
  void annotate(const std::string& word, const std::string& value) {
    record.annotations["flannel.alpha.coreos.com/" + word] = value;
  }

  Config config;
  NodeRecord record{.name = "node2",
                    .pod_cidrs = {"10.244.1.0/24", "fd00:10:244:1::/64"},
                    .addresses = {{"Hostname", "node2"},
                                  {"ExternalIP", "203.0.113.7"},
                                  {"InternalIP", "192.0.2.12"},
                                  {"InternalIP", "2001:db8::12"},
                                  {"InternalIP", "192.0.2.99"}}};
};

TEST_F(ReadNodeTest, TakesRangesAndTheFirstInternalAddressOfEachFamily) {
  const ReadNode read = this->read();
  EXPECT_THAT(read.node.ranges,
              ElementsAre(*Prefix::parse("10.244.1.0/24"), *Prefix::parse("fd00:10:244:1::/64")));
  EXPECT_THAT(read.node.addresses, ElementsAre(ip("192.0.2.12"), ip("2001:db8::12")));
  EXPECT_FALSE(read.node.mac);
  EXPECT_FALSE(read.node.backend);
  EXPECT_THAT(read.problems, IsEmpty());
}

TEST_F(ReadNodeTest, SkipsAnUnusableAddress) {
  record.addresses = {{"InternalIP", "127.0.0.1"},   {"InternalIP", "fe80::1"},
                      {"InternalIP", "::1"},         {"InternalIP", "no address"},
                      {"InternalIP", "192.0.2.12"},  {"InternalIP", "2001:db8::12"},
                      {"InternalIP", "198.51.100.1"}};
  EXPECT_THAT(read().node.addresses, ElementsAre(ip("192.0.2.12"), ip("2001:db8::12")));
}

TEST_F(ReadNodeTest, QuotesAndShortensValuesOfOthers) {
  annotate("public-ip", "1.2.3.4\x1b[2J\n" + std::string(5000, 'x'));
  record.pod_cidrs.push_back("10.0.0.0/8\n" + std::string(5000, 'x'));
  for (const std::string& problem : read().problems) {
    EXPECT_LT(problem.size(), 300u);
    EXPECT_EQ(problem.find_first_of("\x1b\n"), std::string::npos) << problem;
  }
  EXPECT_EQ(read().problems.size(), 2u);
}

TEST_F(ReadNodeTest, PrefersThePublishedAddressOfAPeerOverKubelets) {
  annotate("public-ip", "198.51.100.12");
  annotate("public-ipv6", "2001:db8:1::12");
  annotate("backend-type", "host-gw");
  annotate("backend-data", R"({"VNI":1,"VtepMAC":"5e:00:00:00:00:02"})");
  annotate("backend-v6-data", R"({"VNI":1,"VtepMAC":"5e:00:00:00:00:06"})");
  annotate("as-number", "64999");
  const ReadNode read = this->read();
  EXPECT_THAT(read.node.addresses, ElementsAre(ip("198.51.100.12"), ip("2001:db8:1::12")));
  EXPECT_EQ(read.node.backend, fabric::Backend::host_gw);
  EXPECT_EQ(read.node.mac, Mac::parse("5e:00:00:00:00:02"));
  EXPECT_EQ(read.node.mac_v6, Mac::parse("5e:00:00:00:00:06"));
  EXPECT_EQ(read.node.as_number, 64999u);
  EXPECT_THAT(read.problems, IsEmpty());
}

TEST_F(ReadNodeTest, IgnoresItsOwnPublishedAddress) {
  record.name = "me";
  annotate("public-ip", "198.51.100.12");
  annotate("backend-type", "host-gw");
  annotate("backend-data", R"({"VNI":1,"VtepMAC":"5e:00:00:00:00:02"})");
  EXPECT_EQ(read().node.addresses.front(), ip("192.0.2.12"));
  EXPECT_FALSE(read().node.backend);
  annotate("node-public-ip", "198.51.100.77");
  EXPECT_EQ(read().node.addresses.front(), ip("198.51.100.77"));
}

// L2, L4: where flannel's nodes read it, the published MAC is the stored one that this node keeps.
TEST_F(ReadNodeTest, KeepsItsOwnMacBesideFlannelOnly) {
  record.name = "me";
  const std::string data = R"({"VNI":1,"VtepMAC":"5e:00:00:00:00:02"})";
  annotate("backend-data", data);
  EXPECT_EQ(read().node.mac, Mac::parse("5e:00:00:00:00:02"));
  config.kubernetes.annotation_prefix = "plumb.io";
  record.annotations["plumb.io/backend-data"] = data;
  EXPECT_FALSE(read().node.mac);
}

TEST_F(ReadNodeTest, TakesTheExternalAddressWhereTheNodeSaysSo) {
  annotate("use-external-ip", "true");
  EXPECT_THAT(read().node.addresses, ElementsAre(ip("203.0.113.7")));
}

TEST_F(ReadNodeTest, IgnoresMalformedAnnotationsOfANode) {
  struct Case {
    const char *word, *value;
  };
  for (const Case& bad :
       {Case{"public-ip", "192.0.2.300"}, Case{"public-ip", "2001:db8::1"},
        Case{"public-ip", "127.0.0.1"}, Case{"public-ipv6", "192.0.2.1"},
        Case{"backend-data", "{\"VNI\":1,"}, Case{"backend-data", "{\"VtepMAC\":\"xx\"}"},
        Case{"backend-data", "{\"VtepMAC\":\"01:00:5e:00:00:01\"}"},
        Case{"backend-v6-data", "{\"VtepMAC\":\"00:00:00:00:00:00\"}"},
        Case{"backend-type", "wireguard"}, Case{"as-number", "64512x"}, Case{"as-number", "0"},
        Case{"backend-data", "{\"VNI\":7}"}}) {
    record.annotations.clear();
    annotate(bad.word, bad.value);
    const ReadNode read = this->read();
    EXPECT_THAT(read.problems, ElementsAre(AllOf(HasSubstr("node \"node2\""), HasSubstr(bad.word),
                                                 HasSubstr(json::quote(bad.value)))));
    EXPECT_THAT(read.node.addresses, ElementsAre(ip("192.0.2.12"), ip("2001:db8::12")));
    EXPECT_EQ(read.node.ranges.size(), 2u);
    EXPECT_FALSE(read.node.mac);
  }
}

TEST_F(ReadNodeTest, ShortensAnEndlessValueInItsMessage) {
  annotate("backend-data", std::string(5000, 'x'));
  EXPECT_LT(read().problems.at(0).size(), 200u);
}

TEST_F(ReadNodeTest, LeavesOutANodeThatCannotBeReached) {
  record.addresses.clear();
  const ReadNode read = this->read();
  EXPECT_THAT(read.node.ranges, IsEmpty());
  EXPECT_THAT(read.problems, ElementsAre(HasSubstr("left out")));
}

TEST_F(ReadNodeTest, ReportsAMissingRangeOfThisNodeOnly) {
  record.pod_cidrs.clear();
  EXPECT_THAT(read().problems, IsEmpty());
  record.name = "me";
  EXPECT_THAT(read().problems, ElementsAre(HasSubstr("spec.podCIDR")));
}

TEST_F(ReadNodeTest, IgnoresOnlyTheMalformedRange) {
  record.pod_cidrs = {"10.244.1/24", "fd00:10:244:1::5/64"};
  const ReadNode read = this->read();
  EXPECT_THAT(read.node.ranges, ElementsAre(*Prefix::parse("fd00:10:244:1::/64")));
  EXPECT_THAT(read.problems, ElementsAre(HasSubstr("10.244.1/24")));
}

class WantedAnnotationsTest : public ReadNodeTest {
 protected:
  std::string wanted(const std::string& word) {
    const auto all = wanted_annotations(self, record, config);
    const auto& value = all.at(config.kubernetes.annotation_prefix + "/" + word);
    return value ? *value : "(none)";
  }
  fabric::Node self{.name = "me", .addresses = {ip("192.0.2.11")}};
};

TEST_F(WantedAnnotationsTest, HaveFlannelsFormat) {
  EXPECT_EQ(wanted("kube-subnet-manager"), "true");
  EXPECT_EQ(wanted("backend-type"), "vxlan");
  EXPECT_EQ(wanted("backend-data"), R"({"VNI":1,"VtepMAC":"02:76:c0:00:02:0b"})");
  EXPECT_EQ(wanted("public-ip"), "192.0.2.11");
  EXPECT_EQ(wanted("public-ipv6"), "(none)");
  EXPECT_EQ(wanted("former-ranges"), "(none)");
  EXPECT_EQ(wanted("backend-v6-data"), "(none)");
}

TEST_F(WantedAnnotationsTest, CallAutomaticVxlanForFlannelOnly) {
  config.fabric.backend = fabric::Backend::automatic;
  EXPECT_EQ(wanted("backend-type"), "vxlan");
  config.kubernetes.annotation_prefix = "plumb.io";
  EXPECT_EQ(wanted("backend-type"), "auto");
}

TEST_F(WantedAnnotationsTest, HaveNoTunnelDataForRoutes) {
  config.fabric.backend = fabric::Backend::host_gw;
  EXPECT_EQ(wanted("backend-type"), "host-gw");
  EXPECT_EQ(wanted("backend-data"), "null");
}

TEST_F(WantedAnnotationsTest, HaveTheAddressThatTheOperatorOverwrites) {
  annotate("public-ip-overwrite", "203.0.113.50");
  EXPECT_EQ(wanted("public-ip"), "203.0.113.50");
}

TEST_F(WantedAnnotationsTest, AreReadBackByPeers) {
  self.addresses.push_back(ip("2001:db8::11"));
  self.mac = Mac::parse("5e:00:00:00:00:01");
  self.former_ranges = {*Prefix::parse("10.244.9.0/24"), *Prefix::parse("fd00:10:244:9::/64")};
  NodeRecord shown{.name = "me", .pod_cidrs = {"10.244.0.0/24"}};
  for (const auto& [key, value] : wanted_annotations(self, record, config))
    if (value) shown.annotations[key] = *value;
  config.node_name = "other";
  const ReadNode read = read_node(shown, config);
  EXPECT_EQ(read.node.addresses, self.addresses);
  EXPECT_EQ(read.node.mac, self.mac);
  EXPECT_EQ(read.node.former_ranges, self.former_ranges);
  EXPECT_EQ(read.node.mac_v6, fabric::vtep_mac(ip("2001:db8::11")));
  EXPECT_THAT(read.problems, IsEmpty());
}

}  // namespace
}  // namespace agent::kubernetes
