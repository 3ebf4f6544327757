// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "agent/triggers/filter_watch.h"
#include "libcni/base/sys_error.h"
#include "tests/support/host/test_host.h"
#include "tests/support/test_loop.h"

namespace agent {
namespace {

constexpr std::chrono::seconds kInterval(5);
constexpr const char* kTables = "nft list tables inet";

/// The rules are right while there is a table `watched`.
class FilterWatchTest : public testing::Test {
 protected:
  FilterWatchTest() { test::output_of("nft add table inet watched"); }

  /// Returns whether the watch reports a change at its next look.
  bool reports() {
    reports_ = 0;
    loop_.advance(kInterval);
    return reports_ > 0;
  }

  test::TestHost host_;
  test::TestLoop loop_;
  int reports_ = 0;
  int compared_ = 0;
  bool unreadable_ = false, legacy_unreadable_ = false, legacy_right_ = true;
  FilterWatch watch_{loop_,
                     {.nft =
                          [this](nft::Nft&) {
                            ++compared_;
                            if (unreadable_) base::throw_errno("list rules", EIO);
                            return test::output_of(kTables).find("watched") != std::string::npos;
                          },
                      .legacy =
                          [this] {
                            if (legacy_unreadable_) base::throw_errno("read the table", EPERM);
                            return legacy_right_;
                          }},
                     [this] { ++reports_; },
                     kInterval};
};

TEST_F(FilterWatchTest, ReportsRulesRemovedBeforeItStarted) {
  test::output_of("nft delete table inet watched");
  watch_.start();
  EXPECT_TRUE(reports());
}

TEST_F(FilterWatchTest, ComparesOnlyAfterAChange) {
  watch_.start();
  EXPECT_FALSE(reports());
  EXPECT_EQ(compared_, 1);
  EXPECT_FALSE(reports());
  EXPECT_EQ(compared_, 1);
  test::output_of("nft add table inet foreign");
  EXPECT_FALSE(reports());
  EXPECT_EQ(compared_, 2);
  test::output_of("nft flush ruleset");
  EXPECT_TRUE(reports());
}

/// The round that it requests has the same failure, and reports it.
TEST_F(FilterWatchTest, RequestsARoundWhenTheRulesCannotBeRead) {
  unreadable_ = true;
  watch_.start();
  EXPECT_TRUE(reports());
  unreadable_ = false;
  EXPECT_FALSE(reports()) << "nothing has changed since";
  test::output_of("nft delete table inet watched");
  EXPECT_TRUE(reports());
}

// P14: neither an event nor a generation shows changes of legacy rules.
TEST_F(FilterWatchTest, ReportsMissingLegacyRulesAtEachLook) {
  watch_.start();
  EXPECT_FALSE(reports());
  legacy_right_ = false;
  EXPECT_TRUE(reports());
  EXPECT_TRUE(reports());
  legacy_right_ = true;
  EXPECT_FALSE(reports());
}

TEST_F(FilterWatchTest, RequestsOneRoundWhenLegacyRulesCannotBeRead) {
  watch_.start();
  legacy_unreadable_ = true;
  EXPECT_TRUE(reports());
  EXPECT_FALSE(reports()) << "the round has reported it";
}

}  // namespace
}  // namespace agent
