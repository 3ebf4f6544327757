// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/random.h"

#include <gtest/gtest.h>

TEST(RandomSeed, DiffersFromTheLastOne) {
  EXPECT_NE(base::random_seed(), base::random_seed());
}
