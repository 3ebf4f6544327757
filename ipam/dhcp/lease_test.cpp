// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/lease.h"

#include <gmock/gmock.h>

#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace ipam_dhcp;
using testing::ElementsAre;

Packet ack(Options more = {}) {
  Packet packet{.reply = true,
                .yours = base::IpAddress::parse("10.70.0.50"),
                .mac = *base::Mac::parse("02:00:00:00:00:01"),
                .options = std::move(more)};
  packet.options.emplace(option::kMessageType, "\5");
  packet.options.emplace(option::kSubnetMask, "\xff\xff\xff" + std::string(1, '\0'));
  packet.options.emplace(option::kRouters, std::string("\x0a\x46\0\1", 4));
  packet.options.emplace(option::kLeaseTime, number_bytes(1000));
  return packet;
}

std::vector<std::string> routes(const Packet& packet) {
  std::vector<std::string> texts;
  for (const cni::Route& each : read_lease(packet, 77).result.routes)
    texts.push_back(each.dst.text() + " via " + each.gateway->text() + " metric " +
                    std::to_string(each.priority) +
                    (each.scope ? " scope " + std::to_string(*each.scope) : ""));
  return texts;
}

std::vector<long> times(const Packet& packet) {
  const Lease lease = read_lease(packet, 0);
  return {lease.renewal.count(), lease.rebinding.count(), lease.expiry.count()};
}

std::string refusal(const Packet& packet) {
  try {
    read_lease(packet, 0);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "";
}

TEST(DhcpLease, GivesAddressGatewayAndDefaultRoute) {
  const Lease lease = read_lease(ack(), 77);
  EXPECT_EQ(lease.address.text(), "10.70.0.50/24");
  EXPECT_EQ(lease.result.ips.front().gateway->text(), "10.70.0.1");
  EXPECT_THAT(routes(ack()), ElementsAre("0.0.0.0/0 via 10.70.0.1 metric 77"));
}

TEST(DhcpLease, PrefersClasslessRoutesToAllOthers) {
  const std::string bytes(
      "\x10\x0a\x09\x0a\x46\0\7"
      "\x18\xc0\0\2\0\0\0\0",
      15);
  EXPECT_THAT(routes(ack({{option::kClasslessRoutes, bytes}})),
              ElementsAre("10.9.0.0/16 via 10.70.0.7 metric 77",
                          "192.0.2.0/24 via 0.0.0.0 metric 77 scope 253"));
  EXPECT_THAT(routes(ack({{option::kClasslessRoutes, bytes.substr(0, 9)}})),
              ElementsAre("10.9.0.0/16 via 10.70.0.7 metric 77"))
      << "a cut route ends the list";
}

TEST(DhcpLease, ReadsStaticRoutesByClass) {
  const std::string bytes("\xac\x10\0\0\x0a\x46\0\7", 8);
  EXPECT_THAT(
      routes(ack({{option::kStaticRoutes, bytes}})),
      ElementsAre("172.16.0.0/16 via 10.70.0.7 metric 77", "0.0.0.0/0 via 10.70.0.1 metric 77"));
}

TEST(DhcpLease, HasTheTimesOfRfc2131UnlessTheServerSendsOthers) {
  EXPECT_THAT(times(ack()), ElementsAre(500, 850, 1000));
  EXPECT_THAT(times(ack({{option::kRenewalTime, number_bytes(10)},
                         {option::kRebindingTime, number_bytes(20)}})),
              ElementsAre(10, 20, 1000));
  EXPECT_THAT(times(ack({{option::kRenewalTime, number_bytes(5000)}})), ElementsAre(500, 850, 1000))
      << "a time behind the end of the lease";
}

TEST(DhcpLease, LeavesASecondUntilTheRenewal) {
  EXPECT_THAT(times(ack({{option::kRenewalTime, number_bytes(0)},
                         {option::kRebindingTime, number_bytes(0)}})),
              ElementsAre(500, 850, 1000));
  EXPECT_THAT(times(ack({{option::kRebindingTime, number_bytes(1)}})), ElementsAre(1, 1, 1000));
  for (const std::uint32_t time : {0u, 1u})
    EXPECT_THAT(times(ack({{option::kLeaseTime, number_bytes(time)}})), ElementsAre(1, 1, 2))
        << time;
}

TEST(DhcpLease, RefusesUnusableAnswers) {
  Packet packet = ack();
  packet.options.erase(option::kSubnetMask);
  EXPECT_EQ(refusal(packet), "DHCP option Subnet Mask not found in DHCPACK");
  packet.options[option::kSubnetMask] = std::string("\xff\0\xff\0", 4);
  EXPECT_EQ(refusal(packet), "DHCP option Subnet Mask is not a mask");
  packet.yours = base::IpAddress::parse("127.0.0.1");
  EXPECT_EQ(refusal(packet), "the DHCPACK grants no usable address");
}

TEST(DhcpLease, IsReadFromItsFileAsItWasSaved) {
  const test::TempDir folder;
  const std::string path = folder / "leases";
  const SavedLease lease{.call = {.method = std::string(kAllocate),
                                  .container_id = "c1",
                                  .netns = "/run/netns/a",
                                  .ifname = "eth0",
                                  .stdin_text = R"({"name":"net"})"},
                         .mac = *base::Mac::parse("02:00:00:00:00:01"),
                         .ack = ack(),
                         .obtained = base::BootTime(12345)};
  save(path, "c1/net/eth0", lease);
  const auto read = find_saved(path, "c1/net/eth0");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->call.netns, "/run/netns/a");
  EXPECT_EQ(read->call.stdin_text, R"({"name":"net"})");
  EXPECT_EQ(read->obtained, base::BootTime(12345));
  EXPECT_EQ(read->ack.options, lease.ack.options);
  EXPECT_EQ(list_saved(path).size(), 1u);
  forget(path, "c1/net/eth0");
  EXPECT_FALSE(find_saved(path, "c1/net/eth0"));
  EXPECT_TRUE(list_saved(path).empty());
}

TEST(DhcpLease, HasAKeyOfAtMost254Bytes) {
  EXPECT_EQ(key_of("c1", "net", "eth0"), "c1/net/eth0");
  EXPECT_EQ(key_of(std::string(300, 'c'), "net", "eth0").size(), 254u);
}

}  // namespace
