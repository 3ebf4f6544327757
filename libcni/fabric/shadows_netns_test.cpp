// SPDX-License-Identifier: Apache-2.0
// K3: routes of other programs that the kernel takes before plumbd's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/apply.h"
#include "libcni/fabric/shadows.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using test::output_of;
using test::oracle::lines_with;
using test::oracle::routes;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

base::Prefix prefix(const std::string& text) {
  return base::Prefix::parse(text).value();
}

/// The node a with a tunnel to b, and with a second link.
class FabricShadows : public ::testing::Test {
 protected:
  FabricShadows() {
    output_of(
        "ip link add eth0 type veth peer name far0; ip addr add 10.0.0.1/24 dev eth0; "
        "ip addr add fd00::1/64 dev eth0 nodad; ip link set eth0 up; ip link set far0 up; "
        "ip link add eth1 type veth peer name far1; ip link set far1 up; ip addr add 10.9.0.1/24 "
        "dev eth1; "
        "ip addr add fd09::1/64 dev eth1 nodad; ip link set eth1 up; "
        "ip route add default via 10.0.0.254");
    desired_ = plan(node(1), std::vector{node(2)}, {.backend = Backend::vxlan},
                    find_underlay(netlink_, *base::IpAddress::parse("10.0.0.1")));
    desired_.traffic.reset();
    EXPECT_THAT(apply(netlink_, desired_).errors, IsEmpty());
  }
  static Node node(int number) {
    const std::string n = std::to_string(number);
    return {.name = "n" + n,
            .addresses = {*base::IpAddress::parse("10.0.0." + n)},
            .ranges = {prefix("10.244." + n + ".0/24"), prefix("fd10:" + n + "::/64")}};
  }
  /// The ranges that are shadowed while the route is there.
  std::vector<std::string> shadowed_by(const std::string& route) {
    const std::string ip = route.find("fd") == route.npos ? "ip route " : "ip -6 route ";
    EXPECT_EQ(output_of(ip + "add " + route + " 2>&1"), "") << route;
    std::vector<std::string> ranges;
    for (const Shadow& shadow : find_shadows(netlink_, desired_)) {
      ranges.push_back(shadow.range.text());
      last_ = text_of(shadow);
    }
    output_of(ip + "del " + route);
    return ranges;
  }

  test::TestHost host_;
  net::Netlink netlink_;
  Desired desired_;
  std::string last_;
};

TEST_F(FabricShadows, AreRoutesWithALowerMetricOrALongerPrefix) {
  for (const char* route :
       {"fd10:2::/64 via fd09::9 proto bird metric 32", "fd10:2::/64 dev eth1 metric 1023",
        "fd10:2:0:0:8000::/65 via fd09::9 metric 4000", "fd10:2::7 dev eth1",
        "unreachable fd10:2::/64 proto bird metric 32"})
    EXPECT_THAT(shadowed_by(route), ElementsAre("fd10:2::/64")) << route;
  for (const char* route :
       {"10.244.2.0/26 via 10.9.0.9 proto zebra metric 20", "10.244.2.7 dev eth1",
        "blackhole 10.244.2.128/25", "prohibit 10.244.2.128/25 metric 9",
        "10.244.2.0/25 nexthop via 10.9.0.8 nexthop via 10.9.0.9"})
    EXPECT_THAT(shadowed_by(route), ElementsAre("10.244.2.0/24")) << route;
}

TEST_F(FabricShadows, AreNamedWithTheRouteThatTheyTakeThePlaceOf) {
  shadowed_by("10.244.2.0/26 via 10.9.0.9 proto bird metric 32");
  EXPECT_THAT(last_, AllOf(HasSubstr("route 10.244.2.0/26 via 10.9.0.9 dev eth1 (proto bird, "
                                     "metric 32)"),
                           HasSubstr("plumbd's route to 10.244.2.0/24")));
}

TEST_F(FabricShadows, AreNotRoutesThatCountLessOrLeadTheSameWay) {
  for (const char* route :
       {"fd10:2::/64 via fd09::9 metric 1025", "fd10::/32 via fd09::9 metric 1",
        "fd10:2:0:0:8000::/65 via fd10:2:: dev plumb-vxlan onlink",
        "fd10:2::7 via fd09::9 proto bird metric 32", "10.244.2.0/24 via 10.9.0.9 metric 7",
        "10.244.0.0/16 via 10.9.0.9", "10.244.2.7 via 10.9.0.9 proto bird metric 32",
        // of the own range: pods, and what the plugins make for them
        "10.244.1.7 dev eth1", "10.244.1.0/24 dev eth1", "fd10:1::7 dev eth1",
        "fd10:1::/64 dev eth1",
        // of this suite
        "10.244.2.7 dev eth1 proto 89", "fd10:2::7 dev eth1 proto 84"})
    EXPECT_THAT(shadowed_by(route), IsEmpty()) << route;
}

/// The kernel refuses a next hop to which a route by another device leads.
TEST_F(FabricShadows, DoNotPreventTheRouteIntoTheTunnel) {
  for (const char* route : {"fd10:2::/64 via fd09::9 proto bird metric 32", "fd10::/32 dev eth1"}) {
    ASSERT_THAT(apply(netlink_, {}).errors, IsEmpty());
    output_of(std::string("ip -6 route add ") + route);
    EXPECT_THAT(apply(netlink_, desired_).errors, IsEmpty()) << route;
    EXPECT_THAT(lines_with(lines_with(routes(), "main fd10:2:"), " proto 86 "),
                ElementsAre(StartsWith("main fd10:2::/64 via fd10:2:: dev plumb-vxlan ")));
    output_of(std::string("ip -6 route del ") + route);
  }
}

TEST_F(FabricShadows, AreNotReportedForAFallbackRoute) {
  for (FabricRoute& route : desired_.routes)
    if (!route.blackhole) route.metric = kFallbackMetric;
  ASSERT_THAT(apply(netlink_, desired_).errors, IsEmpty());
  EXPECT_THAT(shadowed_by("fd10:2::/64 via fd09::9 proto bird metric 32"), IsEmpty());
}

TEST_F(FabricShadows, AreCountedWhereTheyAreMany) {
  for (int i = 0; i < 15; ++i)
    output_of("ip route add 10.244.2." + std::to_string(i) + " dev eth1 proto static");
  const auto texts = texts_of(find_shadows(netlink_, desired_));
  ASSERT_THAT(texts, SizeIs(11));
  EXPECT_EQ(texts.back(), "and 5 more such routes");
}

}  // namespace
}  // namespace fabric
