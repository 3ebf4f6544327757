// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"

namespace ipam_dhcp {

enum class MessageType : std::uint8_t {
  discover = 1,
  offer = 2,
  request = 3,
  decline = 4,
  ack = 5,
  nak = 6,
  release = 7
};

/// Option codes of RFC 2132, 3442 and 3396.
namespace option {
inline constexpr std::uint8_t kSubnetMask = 1, kRouters = 3, kHostName = 12, kStaticRoutes = 33,
                              kRequestedAddress = 50, kLeaseTime = 51, kOverload = 52,
                              kMessageType = 53, kServerId = 54, kParameterList = 55, kMessage = 56,
                              kMaxSize = 57, kRenewalTime = 58, kRebindingTime = 59,
                              kVendorClass = 60, kClientId = 61, kUserClass = 77,
                              kClasslessRoutes = 121;
}  // namespace option

using Options = std::map<std::uint8_t, std::string>;

/// A DHCP message, RFC 2131 section 2, between client and server.
struct Packet {
  bool reply = false;  ///< from the server
  std::uint32_t xid = 0;
  std::uint16_t secs = 0;
  bool broadcast = false;                      ///< asks for a broadcast answer
  std::optional<base::IpAddress> client = {};  ///< ciaddr
  std::optional<base::IpAddress> yours = {};   ///< yiaddr
  base::Mac mac;
  Options options;

  /// The value of option 53; nothing when it is missing or unknown.
  std::optional<MessageType> type() const;
  std::optional<base::IpAddress> find_address(std::uint8_t code) const;
  std::optional<std::uint32_t> find_number(std::uint8_t code) const;  ///< of 4 bytes
};

/// Nothing for bytes that are not a whole DHCP message for an Ethernet address.
std::optional<Packet> parse_packet(std::string_view bytes);
std::string print_packet(const Packet& packet);

/// A DHCP message in UDP and IPv4, from port 68 to port 67, as a packet socket sends it.
std::string wrap(std::string_view message, const base::IpAddress& from, const base::IpAddress& to);
/// The DHCP message in an IPv4 packet to port 68; nothing for any other packet.
std::optional<std::string_view> unwrap(std::string_view packet);

/// 4 bytes in network order.
std::string number_bytes(std::uint32_t number);
std::string address_bytes(const base::IpAddress& address);

}  // namespace ipam_dhcp
