// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/undo.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Undo, RunsInReverseOrderAndSurvivesAFailingStep) {
  std::vector<std::string> done;
  {
    Undo undo;
    undo.add("first", [&] { done.emplace_back("first"); });
    undo.add("second", [] { throw std::runtime_error("cannot"); });
    undo.add("third", [&] { done.emplace_back("third"); });
  }
  EXPECT_THAT(done, ElementsAre("third", "first"));
}

TEST(Undo, RunsWhenAnExceptionPasses) {
  std::vector<std::string> done;
  const auto body = [&] {
    Undo undo;
    undo.add("step", [&] { done.emplace_back("step"); });
    throw std::runtime_error("late failure");
  };
  EXPECT_THROW(body(), std::runtime_error);
  EXPECT_THAT(done, ElementsAre("step"));
}

TEST(Undo, DoesNothingAfterCommit) {
  std::vector<std::string> done;
  {
    Undo undo;
    undo.add("step", [&] { done.emplace_back("step"); });
    undo.commit();
  }
  EXPECT_THAT(done, IsEmpty());
}

}  // namespace
}  // namespace base
