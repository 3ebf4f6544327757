// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/packet.h"

#include <algorithm>
#include <span>

namespace ipam_dhcp {
namespace {

constexpr std::size_t kHeader = 236, kLeast = 300;  // RFC 951: servers may drop what is shorter
constexpr std::size_t kServerName = 44, kFile = 108;
constexpr std::string_view kCookie = "\x63\x82\x53\x63";
constexpr std::uint8_t kPad = 0, kEnd = 255;
constexpr std::size_t kIpHeader = 20, kUdpHeader = 8;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}
std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (const char byte : bytes.substr(at, size))
    number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}
std::string short_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8 & 0xff), static_cast<char>(number & 0xff)};
}

std::optional<base::IpAddress> address_at(std::string_view bytes, std::size_t at) {
  const auto address =
      base::IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()) + at, 4});
  if (!address || address->is_unspecified()) return std::nullopt;
  return address;
}

/// Adds the options in `bytes`. RFC 3396: the parts of one that is there more than once are joined.
/// Returns false when one ends behind `bytes`.
bool add_options(Options& options, std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint8_t code = byte_at(bytes, at++);
    if (code == kPad) continue;
    if (code == kEnd) return true;
    if (at == bytes.size()) return false;
    const std::size_t size = byte_at(bytes, at++);
    if (size > bytes.size() - at) return false;
    options[code] += bytes.substr(at, size);
    at += size;
  }
  return true;
}

std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 2)
    sum += at + 1 < bytes.size() ? number_at(bytes, at, 2)
                                 : static_cast<std::uint32_t>(byte_at(bytes, at)) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::string number_bytes(std::uint32_t number) {
  return short_bytes(number >> 16) + short_bytes(number & 0xffff);
}
std::string address_bytes(const base::IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

std::optional<MessageType> Packet::type() const {
  const auto found = options.find(option::kMessageType);
  if (found == options.end() || found->second.size() != 1) return std::nullopt;
  const std::uint8_t number = byte_at(found->second, 0);
  if (number < 1 || number > 7) return std::nullopt;
  return static_cast<MessageType>(number);
}

std::optional<base::IpAddress> Packet::find_address(std::uint8_t code) const {
  const auto found = options.find(code);
  if (found == options.end() || found->second.size() < 4) return std::nullopt;
  return address_at(found->second, 0);
}

std::optional<std::uint32_t> Packet::find_number(std::uint8_t code) const {
  const auto found = options.find(code);
  if (found == options.end() || found->second.size() != 4) return std::nullopt;
  return number_at(found->second, 0, 4);
}

std::optional<Packet> parse_packet(std::string_view bytes) {
  if (bytes.size() < kHeader + kCookie.size()) return std::nullopt;
  if (bytes.substr(kHeader, kCookie.size()) != kCookie) return std::nullopt;
  constexpr std::uint8_t kEthernet = 1, kMacSize = 6;
  if (byte_at(bytes, 1) != kEthernet || byte_at(bytes, 2) != kMacSize) return std::nullopt;
  Packet packet{.reply = byte_at(bytes, 0) == 2,
                .xid = number_at(bytes, 4, 4),
                .secs = static_cast<std::uint16_t>(number_at(bytes, 8, 2)),
                .broadcast = (byte_at(bytes, 10) & 0x80) != 0,
                .client = address_at(bytes, 12),
                .yours = address_at(bytes, 16),
                .mac = {},
                .options = {}};
  std::ranges::copy(bytes.substr(28, 6), packet.mac.bytes.begin());
  if (!add_options(packet.options, bytes.substr(kHeader + kCookie.size()))) return std::nullopt;
  const auto overload = packet.options.find(option::kOverload);
  if (overload == packet.options.end() || overload->second.size() != 1) return packet;
  const std::uint8_t fields = byte_at(overload->second, 0);
  if ((fields & 1) != 0 && !add_options(packet.options, bytes.substr(kFile, 128)))
    return std::nullopt;
  if ((fields & 2) != 0 && !add_options(packet.options, bytes.substr(kServerName, 64)))
    return std::nullopt;
  return packet;
}

std::string print_packet(const Packet& packet) {
  const std::string none(4, '\0');
  std::string bytes{packet.reply ? '\2' : '\1', '\1', '\6', '\0'};
  bytes += number_bytes(packet.xid) + short_bytes(packet.secs) +
           short_bytes(packet.broadcast ? 0x8000 : 0);
  bytes += packet.client ? address_bytes(*packet.client) : none;
  bytes += packet.yours ? address_bytes(*packet.yours) : none;
  bytes += none + none;
  bytes.append(packet.mac.bytes.begin(), packet.mac.bytes.end());
  bytes.resize(kHeader, '\0');
  bytes += kCookie;
  for (const auto& [code, value] : packet.options)
    for (std::size_t at = 0; at == 0 || at < value.size(); at += 255) {
      const std::string part = value.substr(at, 255);
      bytes += static_cast<char>(code);
      bytes += static_cast<char>(part.size());
      bytes += part;
    }
  bytes += static_cast<char>(kEnd);
  if (bytes.size() < kLeast) bytes.resize(kLeast, '\0');
  return bytes;
}

std::string wrap(std::string_view message, const base::IpAddress& from, const base::IpAddress& to) {
  const std::string ends = address_bytes(from) + address_bytes(to);
  const std::size_t udp_size = kUdpHeader + message.size();
  std::string header = std::string("\x45\0", 2) + short_bytes(kIpHeader + udp_size) +
                       std::string("\0\0\0\0\x40\x11\0\0", 8) + ends;
  header.replace(10, 2, short_bytes(checksum(header)));
  std::string udp = short_bytes(68) + short_bytes(67) + short_bytes(udp_size) +
                    std::string(2, '\0') + std::string(message);
  const std::string pseudo = ends + std::string("\0\x11", 2) + short_bytes(udp_size) + udp;
  const std::uint16_t sum = checksum(pseudo);
  udp.replace(6, 2, short_bytes(sum == 0 ? 0xffff : sum));
  return header + udp;
}

std::optional<std::string_view> unwrap(std::string_view packet) {
  constexpr std::uint8_t kUdp = 17;
  if (packet.size() < kIpHeader || byte_at(packet, 0) >> 4 != 4) return std::nullopt;
  const std::size_t header = (byte_at(packet, 0) & 0xfu) * 4u;
  const std::size_t whole = number_at(packet, 2, 2);
  if (header < kIpHeader || whole > packet.size() || whole < header + kUdpHeader)
    return std::nullopt;
  const bool is_fragment = (number_at(packet, 6, 2) & 0x3fff) != 0;
  if (is_fragment || byte_at(packet, 9) != kUdp) return std::nullopt;
  const std::string_view udp = packet.substr(header, whole - header);
  const std::size_t size = number_at(udp, 4, 2);
  if (number_at(udp, 0, 2) != 67 || number_at(udp, 2, 2) != 68) return std::nullopt;
  if (size < kUdpHeader || size > udp.size()) return std::nullopt;
  return udp.substr(kUdpHeader, size - kUdpHeader);
}

}  // namespace ipam_dhcp
