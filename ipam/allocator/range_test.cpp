// SPDX-License-Identifier: Apache-2.0
#include "ipam/allocator/range.h"

#include <limits>
#include <ostream>

#include <gtest/gtest.h>

namespace ipam {
namespace {

std::optional<base::IpAddress> ip(const std::string& text) {
  return base::IpAddress::parse(text);
}

RangeConf range(const std::string& subnet, const std::string& start = "",
                const std::string& end = "", const std::string& gateway = "") {
  return {.subnet = base::Prefix::parse(subnet),
          .start = ip(start),
          .end = ip(end),
          .gateway = ip(gateway)};
}

/// The texts are those of the reference's binary for the same input.
struct Refusal {
  std::vector<RangeSetConf> sets;
  std::string problem;
};

void PrintTo(const Refusal& v, std::ostream* out) {
  *out << v.problem;
}

class RangeRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(RangeRefusal, HasTheReferencesWords) {
  EXPECT_EQ(find_problem(GetParam().sets), GetParam().problem);
}

INSTANTIATE_TEST_SUITE_P(
    All, RangeRefusal,
    testing::Values(
        Refusal{{}, "no IP ranges specified"},
        Refusal{{{}}, "invalid range set 0: empty range set"},
        Refusal{{{range("10.0.0.0/24")}, {}}, "invalid range set 1: empty range set"},
        Refusal{{{range("")}}, "invalid range set 0: IP <nil> not v4 nor v6"},
        Refusal{{{range("10.0.0.0/31")}},
                "invalid range set 0: Network 10.0.0.0/31 too small to allocate from"},
        Refusal{{{range("10.0.0.0/32")}},
                "invalid range set 0: Network 10.0.0.0/32 too small to allocate from"},
        Refusal{{{range("fd00::/127")}},
                "invalid range set 0: Network fd00::/127 too small to allocate from"},
        Refusal{
            {{range("10.0.0.1/24")}},
            "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the "
            "network address is 10.0.0.0"},
        Refusal{{{range("10.0.0.0/24", "10.0.1.1")}},
                "invalid range set 0: RangeStart 10.0.1.1 not in network 10.0.0.0/24"},
        Refusal{{{range("10.0.0.0/24", "fd00::1")}},
                "invalid range set 0: RangeStart fd00::1 not in network 10.0.0.0/24"},
        Refusal{{{range("10.0.0.0/24", "10.0.0.9", "10.0.0.2")}},
                "invalid range set 0: RangeStart 10.0.0.9 not in network 10.0.0.0/24"},
        Refusal{{{range("10.0.0.0/24", "", "10.0.1.1")}},
                "invalid range set 0: RangeEnd 10.0.1.1 not in network 10.0.0.0/24"},
        Refusal{{{range("10.0.0.0/24", "", "10.0.0.0")}},
                "invalid range set 0: RangeEnd 10.0.0.0 not in network 10.0.0.0/24"},
        Refusal{{{range("10.0.0.0/24", "", "fd00::1")}},
                "invalid range set 0: RangeEnd fd00::1 not in network 10.0.0.0/24"},
        Refusal{{{range("10.0.0.0/24", "10.0.0.255")}},
                "invalid range set 0: RangeEnd 10.0.0.254 not in network 10.0.0.0/24"},
        // S20
        Refusal{{{range("224.1.0.0/24")}},
                "invalid range set 0: Range 224.1.0.1-224.1.0.254 has multicast addresses "
                "(224.0.0.0/4), which no pod can use"},
        Refusal{{{range("127.0.5.0/24")}},
                "invalid range set 0: Range 127.0.5.1-127.0.5.254 has loopback addresses "
                "(127.0.0.0/8), which no pod can use"},
        Refusal{{{range("240.0.0.0/24")}},
                "invalid range set 0: Range 240.0.0.1-240.0.0.254 has reserved (class E) addresses "
                "(240.0.0.0/4), which no pod can use"},
        Refusal{{{range("10.0.0.0/24")}, {range("ff02::/64")}},
                "invalid range set 1: Range ff02::1-ff02::ffff:ffff:ffff:ffff has multicast "
                "addresses (ff00::/8), which no pod can use"},
        Refusal{
            {{range("::/120")}},
            "invalid range set 0: Range ::1-::ff has loopback addresses (::1/128), which no pod "
            "can use"},
        Refusal{{{range("128.0.0.0/1")}},
                "invalid range set 0: Range 128.0.0.1-255.255.255.254 has multicast addresses "
                "(224.0.0.0/4), which no pod can use"},
        Refusal{{{range("10.0.0.0/24"), range("fd00::/64")}},
                "invalid range set 0: mixed address families"},
        Refusal{{{range("10.0.0.0/24"), range("10.0.0.0/25")}},
                "invalid range set 0: subnets 10.0.0.1-10.0.0.254 and 10.0.0.1-10.0.0.126 overlap"},
        Refusal{{{range("10.0.0.0/24")}, {range("10.1.0.0/24"), range("10.0.0.128/25")}},
                "range set 0 overlaps with 1"},
        Refusal{{{range("fd00::/64")}, {range("10.0.0.0/24")}, {range("fd00::/80")}},
                "range set 0 overlaps with 2"}));

TEST(RangeSets, MayShareASubnetWithRangesApart) {
  EXPECT_EQ(find_problem({{range("10.0.0.0/24", "10.0.0.10", "10.0.0.20"),
                           range("10.0.0.0/24", "10.0.0.30", "10.0.0.40")},
                          {range("10.0.0.0/24", "10.0.0.21", "10.0.0.29")}}),
            "");
}

TEST(RangeSets, MayBeginAtTheNetworkAndEndAtTheBroadcastAddressWhereWrittenSo) {
  EXPECT_EQ(find_problem({{range("10.0.0.0/24", "10.0.0.0", "10.0.0.255")}}), "");
}

TEST(RangeSets, S20_MayBePartOfASubnetWithUnusableAddresses) {
  EXPECT_EQ(find_problem({{range("128.0.0.0/1", "130.0.0.1", "130.0.0.9")}}), "");
  EXPECT_EQ(find_problem({{range("169.254.7.0/24")}}), "");
}

TEST(RangeSets, MayHaveAGatewayOutsideTheSubnet) {
  EXPECT_EQ(find_problem({{range("10.0.0.0/24", "", "", "192.168.0.1")}}), "");
}

TEST(RangeDefaults, LeaveOutTheBroadcastAddressInIpv4Only) {
  const auto sets = complete({{range("10.0.0.0/24"), range("10.1.0.0/30")}, {range("fd00::/120")}});
  EXPECT_EQ(sets[0].text(), "10.0.0.1-10.0.0.254,10.1.0.1-10.1.0.2");
  EXPECT_EQ(sets[1].text(), "fd00::1-fd00::ff");
  EXPECT_EQ(sets[0].ranges[1].gateway.text(), "10.1.0.1");
  EXPECT_EQ(sets[1].ranges[0].gateway.text(), "fd00::1");
}

TEST(RangeSetSize, CountsTheAddressesThatItCanGive) {
  const auto size = [](const RangeSetConf& set) { return complete({set})[0].size(); };
  EXPECT_EQ(size({range("10.0.0.0/30")}), 1u);
  EXPECT_EQ(size({range("10.0.0.0/24")}), 253u);
  EXPECT_EQ(size({range("10.0.0.0/24", "", "", "10.9.9.9")}), 254u);
  EXPECT_EQ(size({range("10.0.0.0/24", "10.0.0.7", "10.0.0.7")}), 1u);
  EXPECT_EQ(size({range("10.0.0.0/24", "10.0.0.1", "10.0.0.1")}), 0u);
  EXPECT_EQ(size({range("10.0.0.0/16"), range("10.1.0.0/16")}), 2u * 65533);
  EXPECT_EQ(size({range("fd00::/96", "", "", "fe80::1")}), 0xffffffffu);
  EXPECT_EQ(size({range("fd00::/48")}), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(size({range("fd00::/64"), range("fd01::/48")}),
            std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace ipam
