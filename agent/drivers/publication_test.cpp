// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/publication.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/daemon/health.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_loop.h"

namespace agent {
namespace {

using Needed = Reconciler::Needed;
using std::chrono::seconds;
using testing::Contains;
using testing::IsEmpty;

/// A source that refuses to publish while `refusal` is set.
class FakeSource : public Source {
 public:
  void start() override {}
  const Snapshot& snapshot() const override { return snapshot_; }
  void publish(const fabric::Node& self) override {
    if (!refusal.empty()) throw std::runtime_error(refusal);
    published.push_back(self);
  }
  SourceStatus status() const override { return {.in_sync = true}; }

  std::string refusal;
  std::vector<fabric::Node> published;

 private:
  Snapshot snapshot_;
};

/// A plumbd's steps "publish" and "kernel" on a clock of the test's own.
class PublicationTest : public testing::Test {
 protected:
  PublicationTest() {
    config_.node_name = "a";
    config_.addresses = {*base::IpAddress::parse("10.0.0.1")};
    config_.state_dir = dir_.path();
    reconciler_.add("publish", Needed::no, [this] { return publication_.run(); });
    reconciler_.add("kernel", Needed::once, [this]() -> DriverRun {
      ++kernel_runs_;
      return {};
    });
  }
  const DriverStatus& step() const { return reconciler_.status().front(); }
  std::vector<std::string> problems() const {
    return Health({.drivers = reconciler_.status()}).lines();
  }

  test::TempDir dir_;
  test::TestLoop loop_;
  net::Netlink netlink_;
  Config config_;
  FakeSource source_;
  Planner planner_{config_, netlink_};
  Publication publication_{planner_, source_};
  Reconciler reconciler_{loop_, seconds(60)};
  int kernel_runs_ = 0;
};

TEST_F(PublicationTest, PublishesThisNodeOnceUntilItChanges) {
  for (int i = 0; i < 2; ++i) reconciler_.run_now();
  ASSERT_EQ(source_.published.size(), 1u);
  EXPECT_EQ(source_.published.front().name, "a");
  config_.addresses = {*base::IpAddress::parse("10.0.0.2")};
  reconciler_.run_now();
  ASSERT_EQ(source_.published.size(), 2u);
  EXPECT_EQ(source_.published.back().addresses, config_.addresses);
  EXPECT_EQ(step().writes, 2u);
}

TEST_F(PublicationTest, ShowsAFailureInTheStatusAndTriesAgain) {
  source_.refusal = "the store is read-only";
  reconciler_.run_now();
  EXPECT_EQ(step().problem, "the store is read-only");
  EXPECT_EQ(step().errors, 1u);
  EXPECT_THAT(problems(), Contains("publish: the store is read-only"));
  EXPECT_EQ(kernel_runs_, 1) << "the kernel does not wait for it";
  loop_.advance(seconds(2));
  EXPECT_GE(step().errors, 2u);

  source_.refusal.clear();
  loop_.advance(seconds(10));
  EXPECT_EQ(source_.published.size(), 1u);
  EXPECT_EQ(step().problem, "");
  EXPECT_TRUE(step().done_once);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(PublicationTest, ShowsAFailureAfterItSucceededOnce) {
  reconciler_.run_now();
  config_.addresses = {*base::IpAddress::parse("10.0.0.2")};
  source_.refusal = "the store is read-only";
  reconciler_.run_now();
  EXPECT_THAT(problems(), Contains("publish: the store is read-only"));
  EXPECT_TRUE(Health({.drivers = reconciler_.status()}).ready()) << "pods of this node work";
}

}  // namespace
}  // namespace agent
