// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/boot_time.h"

#include <gtest/gtest.h>

namespace base {
namespace {

using namespace std::chrono_literals;

TEST(BootTime, ProcessBeganBeforeNowAndNotLongAgo) {
  const BootTime now = boot_time();
  EXPECT_LE(process_start(), now);
  EXPECT_GT(process_start(), now - 60s);
  EXPECT_EQ(process_start(), process_start());
}

}  // namespace
}  // namespace base
