// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/host_end_name.h"

#include <set>

#include <gtest/gtest.h>

namespace attach {
namespace {

using namespace std::chrono_literals;

TEST(HostEndName, S162_DiffersAtEachCall) {
  std::set<std::string> names;
  for (int i = 0; i < 50; ++i) names.insert(make_host_end_name());
  EXPECT_EQ(names.size(), 50u);
  for (const std::string& name : names) EXPECT_EQ(name.size(), 12u) << name;
}

// S13
TEST(HostEndName, S13_RecognisesANewerLink) {
  const base::BootTime before = base::boot_time();
  const std::string name = make_host_end_name();
  EXPECT_TRUE(is_made_since(name, before));
  EXPECT_TRUE(is_made_since(name, before - 1s));
  while (base::boot_time() < before + 5ms) {
  }
  EXPECT_FALSE(is_made_since(name, base::boot_time()));
  for (const char* other : {"eth0", "veth", "veth1234567", "veth123456789", "vethzzzzzzzz"})
    EXPECT_FALSE(is_made_since(other, before)) << other;
}

}  // namespace
}  // namespace attach
