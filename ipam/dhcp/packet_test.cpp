// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/packet.h"

#include <gmock/gmock.h>

namespace {

using namespace ipam_dhcp;

const base::IpAddress kAddress = *base::IpAddress::parse("10.70.0.50");
const base::IpAddress kServer = *base::IpAddress::parse("10.70.0.1");

Packet ack() {
  return {.reply = true,
          .xid = 0x01020304,
          .yours = kAddress,
          .mac = *base::Mac::parse("02:00:00:00:00:01"),
          .options = {{option::kMessageType, "\5"}, {option::kServerId, address_bytes(kServer)}}};
}

TEST(DhcpPacket, IsReadAsItWasPrinted) {
  Packet packet = ack();
  packet.broadcast = true;
  packet.client = kServer;
  const std::string bytes = print_packet(packet);
  EXPECT_EQ(bytes.size(), 300u);
  const auto read = parse_packet(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->xid, packet.xid);
  EXPECT_EQ(read->yours, kAddress);
  EXPECT_EQ(read->client, kServer);
  EXPECT_EQ(read->mac, packet.mac);
  EXPECT_TRUE(read->broadcast && read->reply);
  EXPECT_EQ(read->type(), MessageType::ack);
  EXPECT_EQ(read->find_address(option::kServerId), kServer);
  EXPECT_EQ(read->options, packet.options);
}

TEST(DhcpPacket, JoinsThePartsOfALongOption) {
  Packet packet = ack();
  packet.options[option::kClasslessRoutes] = std::string(600, 'r');
  const auto read = parse_packet(print_packet(packet));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->options.at(option::kClasslessRoutes), std::string(600, 'r'));
}

TEST(DhcpPacket, ReadsOptionsInTheFieldsOfNames) {
  Packet packet = ack();
  packet.options[option::kOverload] = "\3";
  std::string bytes = print_packet(packet);
  bytes.replace(108, 4, std::string("\x0c\2ab", 4));
  bytes.replace(44, 4, std::string("\x4d\2cd", 4));
  const auto read = parse_packet(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->options.at(option::kHostName), "ab");
  EXPECT_EQ(read->options.at(option::kUserClass), "cd");
}

TEST(DhcpPacket, IsRefusedWhenCutOrOfAnotherKindOfLink) {
  const std::string bytes = print_packet(ack());
  for (const std::size_t size : {0, 1, 235, 239})
    EXPECT_FALSE(parse_packet(bytes.substr(0, size))) << size;
  EXPECT_FALSE(parse_packet(bytes.substr(0, 240) + "\x36\xff")) << "an option behind the end";
  std::string other = bytes;
  other[2] = 16;
  EXPECT_FALSE(parse_packet(other)) << "a MAC address of 16 bytes";
  other = bytes;
  other[236] = 0;
  EXPECT_FALSE(parse_packet(other)) << "BOOTP without the cookie";
}

TEST(DhcpPacket, IsUnwrappedFromPort67To68Only) {
  std::string bytes = wrap("message", kServer, kAddress);
  EXPECT_FALSE(unwrap(bytes)) << "wrap() sends from 68 to 67";
  std::swap(bytes[21], bytes[23]);
  EXPECT_EQ(unwrap(bytes), "message");
  EXPECT_EQ(unwrap(bytes + "padding"), "message");
  EXPECT_FALSE(unwrap(bytes.substr(0, bytes.size() - 1)));
  std::string fragment = bytes;
  fragment[6] = 0x20;
  EXPECT_FALSE(unwrap(fragment));
}

}  // namespace
