// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/drivers/bird/leftovers.h"
#include "tests/support/host/test_host.h"

namespace agent::bird {
namespace {

using namespace test::oracle;
using test::output_of;
using testing::HasSubstr;
using testing::Not;

/// Routes of a BIRD that has ended; plumbd has routes of its own to the ranges of node 2 only.
class LeftoversTest : public testing::Test {
 protected:
  LeftoversTest() {
    output_of(
        "ip link add eth0 type veth peer name wire; ip link set eth0 up; ip link set wire up;"
        "ip address add 192.0.2.1/24 dev eth0;"
        "ip address add 2001:db8::1/64 dev eth0 nodad");
    for (const char* range : {"10.244.2.0/24", "fd00:244:2::/64"})
      output_of(route(range) + " proto 86 metric 50");
    for (const char* range : {"10.244.2.0/24", "10.244.2.128/25", "10.244.2.7/32", "10.244.3.0/24",
                              "198.51.100.0/24", "fd00:244:2::/64", "fd00:244:3::/64"})
      output_of(route(range) + " proto bird metric 32");
    output_of(route("10.244.2.64/26") + " proto static");
  }
  static std::string route(const std::string& range) {
    const bool v6 = range.find(':') != range.npos;
    return "ip route add " + range + (v6 ? " via 2001:db8::9" : " via 192.0.2.9") + " dev eth0";
  }
  std::size_t remove(bool singles) {
    std::vector<base::Prefix> routed;
    for (const char* range :
         {"10.244.2.0/24", "10.244.3.0/24", "fd00:244:2::/64", "fd00:244:3::/64"})
      routed.push_back(*base::Prefix::parse(range));
    return remove_leftovers(netlink_, routed, singles);
  }

  test::TestHost host_;
  net::Netlink netlink_;
};

// K3
TEST_F(LeftoversTest, AreRemovedWherePlumbdHasItsOwnRoute) {
  EXPECT_EQ(remove(false), 3u);
  const std::string left = text_of(routes());
  EXPECT_THAT(left, Not(HasSubstr("main 10.244.2.0/24 via 192.0.2.9 dev eth0 proto 12 ")));
  EXPECT_THAT(left, Not(HasSubstr("main 10.244.2.128/25")));
  EXPECT_THAT(left, Not(HasSubstr("main fd00:244:2::/64 via 2001:db8::9 dev eth0 proto 12 ")));
  // Without a route of plumbd's the packets would have none.
  EXPECT_THAT(left, HasSubstr("main 10.244.3.0/24 via 192.0.2.9 dev eth0 proto 12 metric 32"));
  EXPECT_THAT(left, HasSubstr("main fd00:244:3::/64 via 2001:db8::9 dev eth0 proto 12 metric 32"));
  EXPECT_EQ(remove(false), 0u);
}

TEST_F(LeftoversTest, RoutesOfOthersAndToOtherPlacesStay) {
  remove(true);
  const std::string left = text_of(routes());
  EXPECT_THAT(left, HasSubstr("main 198.51.100.0/24 via 192.0.2.9 dev eth0 proto 12 metric 32"));
  EXPECT_THAT(left, HasSubstr("main 10.244.2.64/26 via 192.0.2.9 dev eth0 proto 4 metric 0"));
}

TEST_F(LeftoversTest, KeepsRoutesToMovedPodsWithoutSingles) {
  remove(false);
  EXPECT_THAT(text_of(routes()),
              HasSubstr("main 10.244.2.7 via 192.0.2.9 dev eth0 proto 12 metric 32"));
  EXPECT_EQ(remove(true), 1u);
  EXPECT_THAT(text_of(routes()), Not(HasSubstr("main 10.244.2.7 ")));
}

}  // namespace
}  // namespace agent::bird
