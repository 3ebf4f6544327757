// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using fabric::Backend;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kKey = "/coreos.com/network/subnets/10.5.52.0-24";

base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}

std::string ranges_text(std::string_view key) {
  const auto ranges = find_ranges(key);
  if (!ranges) return "none";
  std::string text;
  for (const auto& range : *ranges) text += (text.empty() ? "" : " ") + range.text();
  return text;
}

Record parse(std::string_view value, const RecordOptions& options = {}) {
  return parse_record(kKey, {prefix("10.5.52.0/24")}, value, options);
}

std::string complaint(std::string_view value) {
  try {
    parse(value);
  } catch (const cni::Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 200u);
    return error.what();
  }
  return "none";
}

TEST(EtcdRecord, ReadsFlannelsKeys) {
  EXPECT_EQ(ranges_text("10.5.52.0-24"), "10.5.52.0/24");
  EXPECT_EQ(ranges_text("10.5.52.0-24&fc00:5::-64"), "10.5.52.0/24 fc00:5::/64");
  EXPECT_EQ(ranges_text("0.0.0.0-0&fc00:5::-64"), "fc00:5::/64");
  for (const char* key : {"", "10.5.52.0", "10.5.52.0/24", "10.5.x.0-24", "10.5.52.0-33",
                          "10.5.52.0-24&", "10.5.52.0-24&10.5.53.0-24", "fc00::-64", "0.0.0.0-0",
                          "10.0.0.0-0", "10.5.52.0-24&fc00::-129"})
    EXPECT_EQ(ranges_text(key), "none") << key;
}

TEST(EtcdRecord, WritesFlannelsKeys) {
  for (const char* key : {"10.5.52.0-24", "10.5.52.0-24&fc00:5::-64", "0.0.0.0-0&fc00:5::-64"})
    EXPECT_EQ(key_of(find_ranges(key).value()), key);
}

// From flannel's Documentation/reservations.md.
TEST(EtcdRecord, ReadsRecordsOfFlannel) {
  const Record record =
      parse(R"({"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan",)"
            R"("BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}})");
  EXPECT_EQ(record.author, Author::flannel);
  EXPECT_EQ(record.node.name, "192.168.64.3");
  EXPECT_EQ(record.node.addresses, std::vector{address("192.168.64.3")});
  EXPECT_EQ(record.node.ranges, std::vector{prefix("10.5.52.0/24")});
  EXPECT_EQ(record.node.mac, base::Mac::parse("c6:d2:32:6f:8f:44"));
  EXPECT_EQ(record.node.backend, Backend::vxlan);
}

TEST(EtcdRecord, ReadsFlannelsDualStackAndHostGateway) {
  const Record dual =
      parse(R"({"PublicIP":"192.168.64.3","PublicIPv6":"fd00::3","BackendType":"vxlan",)"
            R"("BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"},)"
            R"("BackendV6Data":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:66"}})");
  EXPECT_EQ(dual.node.addresses, (std::vector{address("192.168.64.3"), address("fd00::3")}));
  EXPECT_EQ(dual.node.mac_v6, base::Mac::parse("c6:d2:32:6f:8f:66"));
  const Record direct =
      parse(R"({"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"host-gw"})");
  EXPECT_EQ(direct.node.backend, Backend::host_gw);
  EXPECT_FALSE(direct.node.mac);
  const Record only_v6 = parse(
      R"({"PublicIP":"0.0.0.0","PublicIPv6":"fd00::3","BackendType":"vxlan","BackendV6Data":{}})");
  EXPECT_EQ(only_v6.node.name, "fd00::3");
}

TEST(EtcdRecord, TakesOneWithoutABackendForAReservation) {
  const Record record = parse(R"({"PublicIP":"1.2.3.4","PublicIPv6":null})");
  EXPECT_EQ(record.author, Author::reservation);
  EXPECT_EQ(record.node.addresses, std::vector{address("1.2.3.4")});
}

TEST(EtcdRecord, WritesRecordsThatFlannelReads) {
  fabric::Node node{.name = "node-a", .addresses = {address("10.0.0.1")}};
  EXPECT_EQ(record_of(node, {}),
            R"({"PublicIP":"10.0.0.1","PublicIPv6":null,"BackendType":"vxlan",)"
            R"("BackendData":{"VNI":1,"VtepMAC":"02:76:0a:00:00:01"},"Plumb":{"Name":"node-a"}})");
  node.addresses.push_back(address("fd00::1"));
  node.mac = base::Mac::parse("02:00:00:00:00:04");
  node.mac_v6 = base::Mac::parse("02:00:00:00:00:06");
  EXPECT_EQ(record_of(node, {.vni = 7}),
            R"({"PublicIP":"10.0.0.1","PublicIPv6":"fd00::1","BackendType":"vxlan",)"
            R"("BackendData":{"VNI":7,"VtepMAC":"02:00:00:00:00:04"},)"
            R"("BackendV6Data":{"VNI":7,"VtepMAC":"02:00:00:00:00:06"},)"
            R"("Plumb":{"Name":"node-a"}})");
  node = {.name = "node-a", .addresses = {address("fd00::1")}};
  EXPECT_THAT(record_of(node, {.backend = Backend::host_gw}),
              StartsWith(R"({"PublicIP":"0.0.0.0","PublicIPv6":"fd00::1",)"
                         R"("BackendType":"host-gw","Plumb")"));
}

TEST(EtcdRecord, ReadsBackWhatItWrote) {
  const fabric::Node node{.name = "node-a",
                          .addresses = {address("10.0.0.1"), address("fd00::1")},
                          .ranges = {prefix("10.5.52.0/24")},
                          .former_ranges = {prefix("10.5.51.0/24"), prefix("fc00:51::/64")},
                          .mac = base::Mac::parse("02:00:00:00:00:04"),
                          .mac_v6 = base::Mac::parse("02:00:00:00:00:06"),
                          .backend = Backend::automatic,
                          .as_number = 4200000000,
                          .labels = {{"rack", "r1"}, {"zone", "z"}}};
  const RecordOptions options{.label_keys = {"zone", "rack", "other"}};
  const Record record = parse(record_of(node, options), options);
  EXPECT_EQ(record.author, Author::plumbd);
  EXPECT_EQ(record.node, node);
  EXPECT_TRUE(parse(record_of(node, options)).node.labels.empty());
}

TEST(EtcdRecord, NamesKeyAndValueOfWhatItCannotRead) {
  for (
      const char* value :
      {"", "[]", "{", R"({"PublicIP":7})", R"({"PublicIP":"10.0.0"})",
       R"({"PublicIP":"224.0.0.1"})", R"({"PublicIP":"0.0.0.0"})",
       R"({"PublicIP":"10.0.0.1","PublicIPv6":"10.0.0.2"})",
       R"({"PublicIP":"10.0.0.1","BackendType":"udp"})",
       R"({"PublicIP":"10.0.0.1","BackendType":"vxlan","BackendData":{"VtepMAC":"x"}})",
       R"({"PublicIP":"10.0.0.1","BackendType":"vxlan","BackendData":{"VtepMAC":"ff:ff:ff:ff:ff:ff"}})",
       R"({"PublicIP":"10.0.0.1","Plumb":{}})",
       R"({"PublicIP":"10.0.0.1","Plumb":{"Name":"a","AS":-1}})",
       R"({"PublicIP":"10.0.0.1","Plumb":{"Name":"a","Backend":"udp"}})"})
    EXPECT_THAT(complaint(value), StartsWith("\"" + std::string(kKey) + "\": ")) << value;
  EXPECT_THAT(complaint(R"({"PublicIP":"10.0.0"})"),
              HasSubstr("\"PublicIP\" must be an address, not \"10.0.0\""));
}

}  // namespace
}  // namespace agent::etcd
