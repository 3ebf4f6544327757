// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <endian.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 is IPv4. Order: family, then numeric.
class IpAddress {
 public:
  /// Accepts the text that Go's net.ParseIP accepts: no octets with leading zeros, no zones.
  static std::optional<IpAddress> parse(std::string_view text);
  /// 4 or 16 bytes in network order; other lengths give nothing.
  static std::optional<IpAddress> from_bytes(std::span<const std::uint8_t> bytes);

  bool is_v4() const { return v4_; }
  int family() const;  ///< AF_INET or AF_INET6
  int bits() const { return v4_ ? 32 : 128; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), v4_ ? 4u : 16u}; }
  /// RFC 5952; embedded IPv4 is not dotted (`::102:304`), as Go prints it.
  std::string text() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_unspecified() const;
  bool is_link_local_unicast() const;
  /// Neither unspecified, loopback, multicast, link-local nor limited broadcast.
  bool is_global_unicast() const;
  /// The address plus `n`; wraps around at the end of the family.
  IpAddress plus(std::int64_t n) const;
  /// With all bits after the first `length` cleared.
  IpAddress masked(int length) const {
    IpAddress result = *this;
    result.set_half(0, half(0) & leading_ones(length));
    result.set_half(8, half(8) & leading_ones(length - 64));
    return result;
  }
  std::strong_ordering operator<=>(const IpAddress& other) const {
    if (v4_ != other.v4_) return v4_ <=> other.v4_;
    if (half(0) != other.half(0)) return half(0) <=> other.half(0);
    return half(8) <=> other.half(8);
  }
  bool operator==(const IpAddress& other) const { return (*this <=> other) == 0; }

 private:
  /// Eight bytes as a number. Faster than memcmp, which shows when long lists of nodes are sorted.
  std::uint64_t half(std::size_t at) const {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes_.data() + at, sizeof number);
    return be64toh(number);
  }
  void set_half(std::size_t at, std::uint64_t number) {
    number = htobe64(number);
    std::memcpy(bytes_.data() + at, &number, sizeof number);
  }
  static constexpr std::uint64_t leading_ones(int count) {
    if (count <= 0) return 0;
    return count >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> count);
  }

  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address with a prefix length; host bits are kept.
struct Prefix {
  IpAddress address;
  int length = 0;

  /// `10.1.0.5/16`; a length with leading zeros is accepted, one beyond the family's is not.
  static std::optional<Prefix> parse(std::string_view text);
  std::string text() const;
  Prefix network() const { return {address.masked(length), length}; }  ///< host bits cleared
  IpAddress last() const;  ///< host bits set: IPv4's broadcast address
  bool contains(const IpAddress& other) const {
    return other.is_v4() == address.is_v4() && other.masked(length) == address.masked(length);
  }
  bool contains(const Prefix& other) const;  ///< also itself
  bool overlaps(const Prefix& other) const;  ///< one contains the other
  bool operator==(const Prefix&) const = default;
};

/// `/32` or `/128`.
Prefix host_prefix(const IpAddress& address);

/// Returns whether one of `prefixes` contains `other`.
bool any_contains(std::span<const Prefix> prefixes, const IpAddress& other);
bool any_contains(std::span<const Prefix> prefixes, const Prefix& other);

}  // namespace base
