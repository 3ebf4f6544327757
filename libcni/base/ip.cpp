// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/ip.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace base {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// Reads the same texts as inet_pton(), but without a copy that ends in NUL: lists of nodes have
/// thousands.
std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> octets{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const std::size_t begin = at;
    unsigned value = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9')
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    const std::size_t digits = at - begin;
    if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text[begin] == '0'))
      return std::nullopt;
    octets[i] = static_cast<std::uint8_t>(value);
    const bool last = i + 1 == octets.size();
    if (last ? at != text.size() : at == text.size() || text[at++] != '.') return std::nullopt;
  }
  return octets;
}

/// Position and length of the longest run of two or more zero groups (RFC 5952 section 4.2).
std::pair<int, int> longest_zero_run(const std::array<unsigned, 8>& groups) {
  std::pair<int, int> best{-1, 1};
  for (int i = 0; i < 8; ++i) {
    int length = 0;
    while (i + length < 8 && groups[static_cast<std::size_t>(i + length)] == 0) ++length;
    if (length > best.second) best = {i, length};
    i += length;
  }
  return best;
}

std::string v6_text(std::span<const std::uint8_t> bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = (bytes[2 * i] * 256u) + bytes[2 * i + 1];
  const auto [start, length] = longest_zero_run(groups);
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (i == start) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 5> hex{};
    const auto end = std::to_chars(hex.begin(), hex.end(), groups[static_cast<std::size_t>(i)], 16);
    text.append(hex.data(), end.ptr);
  }
  return text;
}

}  // namespace

std::optional<IpAddress> IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  IpAddress address;
  if (bytes.size() == 16 && std::equal(kMapped.begin(), kMapped.end(), bytes.begin()))
    bytes = bytes.subspan(12);
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  address.v4_ = bytes.size() == 4;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto octets = parse_v4(text);
    return octets ? from_bytes(*octets) : std::nullopt;
  }
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  return ::inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1 ? from_bytes(bytes) : std::nullopt;
}

int IpAddress::family() const {
  return v4_ ? AF_INET : AF_INET6;
}

std::string IpAddress::text() const {
  if (!v4_) return v6_text(bytes());
  std::string text;
  for (int i = 0; i < 4; ++i)
    text += (i == 0 ? "" : ".") + std::to_string(bytes_[static_cast<std::size_t>(i)]);
  return text;
}

bool IpAddress::is_loopback() const {
  if (v4_) return bytes_[0] == 127;
  return half(0) == 0 && half(8) == 1;
}

bool IpAddress::is_multicast() const {
  return v4_ ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_unspecified() const {
  return half(0) == 0 && half(8) == 0;
}

bool IpAddress::is_link_local_unicast() const {
  if (v4_) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_global_unicast() const {
  const bool broadcast = v4_ && half(0) >> 32 == 0xffffffff;
  return !broadcast && !is_unspecified() && !is_loopback() && !is_multicast() &&
         !is_link_local_unicast();
}

IpAddress IpAddress::plus(std::int64_t n) const {
  IpAddress sum = *this;
  std::int64_t carry = n;
  for (std::size_t i = bytes().size(); i-- > 0 && carry != 0;) {
    const std::int64_t digit = (carry & 0xff) + sum.bytes_[i];
    sum.bytes_[i] = static_cast<std::uint8_t>(digit & 0xff);
    carry = (carry >> 8) + (digit >> 8);
  }
  return sum;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto digits = text.substr(slash + 1);
  const bool mapped = text.substr(0, slash).find(':') != std::string_view::npos;
  auto address = IpAddress::parse(text.substr(0, slash));
  int length = -1;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), length);
  if (!address || error != std::errc{} || end != digits.end() || digits[0] == '-')
    return std::nullopt;
  if (mapped && address->is_v4()) length -= 96;
  if (length < 0 || length > address->bits()) return std::nullopt;
  return Prefix{*address, length};
}

std::string Prefix::text() const {
  return address.text() + "/" + std::to_string(length);
}

IpAddress Prefix::last() const {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  for (int i = length / 8; i < address.bits() / 8; ++i) {
    const auto mask = static_cast<std::uint8_t>(i == length / 8 ? 0xffu >> (length % 8) : 0xffu);
    auto& byte = bytes[static_cast<std::size_t>(i)];
    byte = static_cast<std::uint8_t>(byte | mask);
  }
  return *IpAddress::from_bytes(std::span(bytes).first(address.bytes().size()));
}

bool Prefix::contains(const Prefix& other) const {
  return length <= other.length && contains(other.address);
}

bool Prefix::overlaps(const Prefix& other) const {
  return contains(other) || other.contains(*this);
}

Prefix host_prefix(const IpAddress& address) {
  return {address, address.bits()};
}

bool any_contains(std::span<const Prefix> prefixes, const IpAddress& other) {
  return std::ranges::any_of(prefixes, [&](const Prefix& each) { return each.contains(other); });
}

bool any_contains(std::span<const Prefix> prefixes, const Prefix& other) {
  return std::ranges::any_of(prefixes, [&](const Prefix& each) { return each.contains(other); });
}

}  // namespace base
