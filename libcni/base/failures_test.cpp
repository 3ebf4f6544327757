// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/failures.h"

#include <stdexcept>
#include <system_error>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Failures, NothingToReportWhenAllStepsSucceed) {
  Failures failures;
  EXPECT_TRUE(failures.attempt([] {}));
  EXPECT_NO_THROW(failures.report());
}

TEST(Failures, S170_ASingleFailureKeepsItsKindAndLaterStepsRun) {
  Failures failures;
  bool ran = false;
  EXPECT_FALSE(failures.attempt([] { throw std::system_error(EIO, std::generic_category()); }));
  EXPECT_TRUE(failures.attempt([&] { ran = true; }));
  EXPECT_TRUE(ran);
  EXPECT_THROW(failures.report(), std::system_error);
}

TEST(Failures, S197_SeveralFailuresAreAllNamed) {
  Failures failures;
  failures.attempt([] { throw std::runtime_error("first"); });
  failures.attempt([] { throw 7; });
  failures.attempt([] { throw std::runtime_error("third"); });
  try {
    failures.report();
    FAIL() << "expected std::runtime_error";
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "first; unknown failure; third");
  }
}

}  // namespace
}  // namespace base
