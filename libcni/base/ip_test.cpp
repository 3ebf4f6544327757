// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/ip.h"

#include <arpa/inet.h>

#include <cstring>
#include <random>

#include <gtest/gtest.h>

namespace base {
namespace {

std::string reprint(const char* text) {
  const auto address = IpAddress::parse(text);
  return address ? address->text() : "none";
}

std::string reprint_prefix(const char* text) {
  const auto prefix = Prefix::parse(text);
  return prefix ? prefix->text() : "none";
}

IpAddress ip(const char* text) {
  return IpAddress::parse(text).value();
}

// S-130
TEST(IpAddress, S130_PrintsCanonicalText) {
  EXPECT_EQ(reprint("FD00:0:0:0::1"), "fd00::1");
  EXPECT_EQ(reprint("FD00::00ff"), "fd00::ff");
  EXPECT_EQ(reprint("::"), "::");
  EXPECT_EQ(reprint("::1"), "::1");
  EXPECT_EQ(reprint("1::"), "1::");
  EXPECT_EQ(reprint("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
  EXPECT_EQ(reprint("1:0:0:2:3:0:0:4"), "1::2:3:0:0:4");     // leftmost on a tie
  EXPECT_EQ(reprint("1:2:3:4:5:6:0:8"), "1:2:3:4:5:6:0:8");  // one group is not shortened
  EXPECT_EQ(reprint("::1.2.3.4"), "::102:304");
  EXPECT_EQ(reprint("::ffff:1.2.3.4"), "1.2.3.4");
}

TEST(IpAddress, S130_RefusesOtherSpellings) {
  for (const char* text : {"", "10.0.0.02", "10.0.0", "10.0.0.256", "1.2.3.4 ", "0x1.2.3.4",
                           "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", ":::", "1::2::3", "12345::", "g::"})
    EXPECT_EQ(reprint(text), "none") << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(IpAddress, ReadsOfIpv4WhatInetPtonReads) {
  std::mt19937 random(4);
  const auto one_of = [&](std::string_view characters) {
    return characters[std::uniform_int_distribution<std::size_t>(0, characters.size() - 1)(random)];
  };
  int read = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string text;
    for (int octet = 0; octet < 4; ++octet) {
      for (char more = '1'; more != '.'; more = one_of("..23")) text += one_of("0125");
      if (octet < 3) text += '.';
    }
    if (round % 4 == 0) text[text.size() / 2] = one_of("0.-+ x");
    in_addr wanted{};
    const bool valid = ::inet_pton(AF_INET, text.c_str(), &wanted) == 1;
    const auto address = IpAddress::parse(text);
    ASSERT_EQ(address.has_value(), valid) << text;
    if (!valid) continue;
    ++read;
    EXPECT_EQ(std::memcmp(address->bytes().data(), &wanted, 4), 0) << text;
  }
  EXPECT_GT(read, 10000);
}

TEST(IpAddress, CountsAcrossBytesAndWraps) {
  EXPECT_EQ(ip("10.0.0.255").plus(1).text(), "10.0.1.0");
  EXPECT_EQ(ip("10.0.1.0").plus(-1).text(), "10.0.0.255");
  EXPECT_EQ(ip("255.255.255.255").plus(1).text(), "0.0.0.0");
  EXPECT_EQ(ip("::ffff:ffff").plus(1).text(), "::1:0:0");
  EXPECT_EQ(ip("fd00::").plus(-1).text(), "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(IpAddress, ComparesFamilyThenNumber) {
  EXPECT_LT(ip("9.0.0.0"), ip("10.0.0.0"));
  EXPECT_LT(ip("fd00::1"), ip("fd00::2"));
  EXPECT_NE(ip("::"), ip("0.0.0.0"));
}

TEST(IpAddress, ReportsItsScope) {
  EXPECT_TRUE(ip("127.5.0.1").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  EXPECT_FALSE(ip("::2").is_loopback());
  EXPECT_TRUE(ip("224.0.0.1").is_multicast());
  EXPECT_TRUE(ip("ff02::1").is_multicast());
  EXPECT_TRUE(ip("fe80::1").is_link_local_unicast());
  EXPECT_TRUE(ip("169.254.1.1").is_link_local_unicast());
  EXPECT_TRUE(ip("::").is_unspecified());
  EXPECT_TRUE(ip("10.0.0.1").is_global_unicast());
  EXPECT_TRUE(ip("fd00::1").is_global_unicast());
  EXPECT_FALSE(ip("255.255.255.255").is_global_unicast());
  EXPECT_FALSE(ip("fe80::1").is_global_unicast());
}

// S-125 S-130
TEST(Prefix, S125_KeepsHostBits) {
  EXPECT_EQ(reprint_prefix("10.1.0.5/16"), "10.1.0.5/16");
  EXPECT_EQ(reprint_prefix("fd00::1/064"), "fd00::1/64");
  EXPECT_EQ(reprint_prefix("::ffff:1.2.3.4/120"), "1.2.3.4/24");
  for (const char* text :
       {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/+1", "10.0.0.1/8x",
        "fd00::/129", "::ffff:1.2.3.4/24", "/8", "10.0.0.02/24", "1.2.3.4/99999999999"})
    EXPECT_EQ(reprint_prefix(text), "none") << text;
}

TEST(Prefix, HasFirstAndLastAddress) {
  const auto prefix = Prefix::parse("10.1.2.3/20").value();
  EXPECT_EQ(prefix.network().text(), "10.1.0.0/20");
  EXPECT_EQ(prefix.last().text(), "10.1.15.255");
  EXPECT_EQ(Prefix::parse("fd00::5/64")->last().text(), "fd00::ffff:ffff:ffff:ffff");
  EXPECT_EQ(Prefix::parse("1.2.3.4/0")->network().text(), "0.0.0.0/0");
  EXPECT_EQ(host_prefix(ip("fd00::1")).text(), "fd00::1/128");
}

TEST(Prefix, NetworkAndLastDifferInTheHostBitsOnly) {
  for (const char* text : {"170.85.219.102", "aa55:db66:3c5a:1234:fedc:ba98:7654:3210"}) {
    const IpAddress address = ip(text);
    for (int length = 0; length <= address.bits(); ++length) {
      const Prefix prefix{address, length};
      const auto first = prefix.network().address, last = prefix.last();
      for (int bit = 0; bit < address.bits(); ++bit) {
        const auto bit_of = [bit](const IpAddress& of) {
          return of.bytes()[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1;
        };
        EXPECT_EQ(bit_of(first), bit < length ? bit_of(address) : 0) << length << " " << bit;
        EXPECT_EQ(bit_of(last), bit < length ? bit_of(address) : 1) << length << " " << bit;
      }
      EXPECT_TRUE(prefix.contains(first) && prefix.contains(last)) << length;
      if (length > 0) {
        EXPECT_FALSE(prefix.contains(last.plus(1)) || prefix.contains(first.plus(-1))) << length;
      }
    }
  }
}

TEST(Prefix, ContainsAddressesOfItsFamily) {
  const auto prefix = Prefix::parse("10.1.2.3/20").value();
  EXPECT_TRUE(prefix.contains(ip("10.1.15.255")));
  EXPECT_FALSE(prefix.contains(ip("10.1.16.0")));
  EXPECT_FALSE(Prefix::parse("::/0")->contains(ip("10.1.2.3")));
}

TEST(Prefix, ContainsItselfAndSmallerPrefixes) {
  const auto outer = Prefix::parse("10.1.0.0/20").value();
  const auto inner = Prefix::parse("10.1.15.0/24").value();
  EXPECT_TRUE(outer.contains(outer));
  EXPECT_TRUE(outer.contains(inner));
  EXPECT_FALSE(inner.contains(outer));
  EXPECT_TRUE(inner.overlaps(outer));
  EXPECT_TRUE(outer.overlaps(inner));
  EXPECT_FALSE(inner.overlaps(Prefix::parse("10.1.14.0/24").value()));
  EXPECT_FALSE(Prefix::parse("::/0")->overlaps(outer));
  EXPECT_TRUE(any_contains(std::array{inner, outer}, Prefix::parse("10.1.2.0/24").value()));
  EXPECT_FALSE(any_contains(std::array{inner}, outer));
}

}  // namespace
}  // namespace base
