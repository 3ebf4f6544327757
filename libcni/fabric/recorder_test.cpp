// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/recorder.h"

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fabric {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using What = Change::What;

const Change kRoute{What::add, "route 10.244.2.0/24"};

void change_often(Recorder& recorder, int times) {
  for (int i = 0; i < times; ++i)
    recorder.change(What::remove, [i] { return "route " + std::to_string(i); });
}

TEST(Recorder, CountsEveryChangeAndKeepsTheFirstHundred) {
  Recorder recorder(Recorder::Keep::some);
  change_often(recorder, 150);
  const Report report = recorder.finish();
  EXPECT_EQ(report.changed, 150u);
  EXPECT_EQ(report.removed, 150u);
  ASSERT_THAT(report.changes, SizeIs(100));
  EXPECT_EQ(report.changes.back(), (Change{What::remove, "route 99"}));
}

TEST(Recorder, KeepsEveryChangeOfADryRun) {
  Recorder recorder(Recorder::Keep::all);
  change_often(recorder, 150);
  EXPECT_THAT(recorder.finish().changes, SizeIs(150));
}

TEST(Recorder, NamesTwentyErrorsAndCountsTheOthers) {
  Recorder recorder(Recorder::Keep::some);
  for (int i = 0; i < 23; ++i) recorder.fail("error " + std::to_string(i));
  EXPECT_EQ(recorder.findings(), 23u);
  const Report report = recorder.finish();
  ASSERT_THAT(report.errors, SizeIs(21));
  EXPECT_EQ(report.errors.front(), "error 0");
  EXPECT_EQ(report.errors.back(), "and 3 more");
}

TEST(Recorder, HasTheKernelsWordsForARefusal) {
  Recorder recorder(Recorder::Keep::some);
  recorder.refuse({What::replace, "neighbour 10.0.0.2"}, EINVAL, "Invalid state");
  EXPECT_THAT(recorder.finish().errors,
              ElementsAre("replace neighbour 10.0.0.2: Invalid argument (Invalid state)"));
}

TEST(Recorder, DoesNotCallARemovalOfAnAbsentObjectAFailure) {
  Recorder recorder(Recorder::Keep::some);
  recorder.refuse({What::remove, "route 10.244.2.0/24"}, ESRCH, "");
  EXPECT_THAT(recorder.finish().errors, IsEmpty());
}

TEST(Recorder, IsContendedOnceAnObjectToAddExists) {
  Recorder recorder(Recorder::Keep::some);
  recorder.refuse(kRoute, EINVAL, "");
  EXPECT_FALSE(recorder.was_contended());
  recorder.refuse(kRoute, EEXIST, "");
  EXPECT_TRUE(recorder.was_contended());
  EXPECT_THAT(recorder.finish().errors,
              ElementsAre("add route 10.244.2.0/24: Invalid argument",
                          "add route 10.244.2.0/24: another program has created it already"));
}

TEST(Recorder, ThrowsOnATerminationSignal) {
  Recorder recorder(Recorder::Keep::some);
  const auto refuse = [&] {
    try {
      throw std::system_error(EINTR, std::generic_category(), "wait");
    } catch (const std::system_error& error) {
      recorder.refuse(kRoute, error);
    }
  };
  EXPECT_THROW(refuse(), std::system_error);
  EXPECT_THAT(recorder.finish().errors, IsEmpty());
}

}  // namespace
}  // namespace fabric
