// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <gtest/gtest.h>

#include "agent/triggers/legacy_check.h"
#include "libcni/fabric/apply.h"
#include "tests/support/host/test_host.h"

namespace agent {
namespace {

using test::output_of;

// P14
class LegacyCheckTest : public testing::Test {
 protected:
  LegacyCheckTest() {
    desired_.traffic = {.own_ranges = {*base::Prefix::parse("10.22.0.0/24")},
                        .cluster_ranges = {*base::Prefix::parse("10.22.0.0/16"),
                                           *base::Prefix::parse("fd00:22::/48")}};
  }
  void repair() { EXPECT_TRUE(fabric::apply(netlink_, desired_).errors.empty()); }

  test::TestHost host_;
  net::Netlink netlink_;
  fabric::Desired desired_;
  LegacyCheck check_;
};

TEST_F(LegacyCheckTest, ReadsNothingWhereThereIsNoTable) {
  EXPECT_TRUE(check_.is_right(desired_));
  EXPECT_EQ(check_.reads(), 0u);
  EXPECT_EQ(output_of("cat /proc/net/ip_tables_names 2>/dev/null || true"), "");
}

TEST_F(LegacyCheckTest, FindsEachDamageInEitherFamily) {
  for (const std::string tool : {"iptables-legacy", "ip6tables-legacy"})
    for (const std::string damage :
         {" -P FORWARD DROP",  // the table is new
          " -F FORWARD", " -D FORWARD 1", " -F", " -R FORWARD 1 -j ACCEPT"}) {
      output_of(tool + damage);
      EXPECT_FALSE(check_.is_right(desired_)) << tool << damage;
      repair();
      EXPECT_TRUE(check_.is_right(desired_)) << tool << damage;
    }
}

TEST_F(LegacyCheckTest, ReadsALargeTableOnlyWhenItsSizeChangesAndNowAndThen) {
  output_of(
      "(echo '*filter'; for i in $(seq 800); do echo \"-A INPUT -s 192.0.2.1 -j ACCEPT\"; done; "
      "echo COMMIT) | iptables-legacy-restore");
  repair();
  EXPECT_TRUE(check_.is_right(desired_));
  EXPECT_EQ(check_.reads(), 1u);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(check_.is_right(desired_));
  EXPECT_EQ(check_.reads(), 1u);
  EXPECT_TRUE(check_.is_right(desired_));
  EXPECT_EQ(check_.reads(), 2u);
  output_of("iptables-legacy -F FORWARD");
  EXPECT_FALSE(check_.is_right(desired_));
}

// A plan from an old list needs its own rules, and leaves the others.
TEST_F(LegacyCheckTest, AcceptsMoreThanAnOldListWants) {
  output_of("iptables-legacy -P FORWARD DROP");
  repair();
  desired_.complete = false;
  desired_.traffic->cluster_ranges.pop_back();
  EXPECT_TRUE(check_.is_right(desired_));
  output_of("iptables-legacy -F FORWARD");
  EXPECT_FALSE(check_.is_right(desired_));
}

}  // namespace
}  // namespace agent
