// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace cni {
namespace {

std::optional<int> mtu_of(const std::string& value) {
  return find_mtu(json::Object::parse(R"({"mtu":)" + value + "}", "test"));
}

TEST(Mtu, IsTheKernelsDefaultWhenZeroOrMissing) {
  EXPECT_EQ(mtu_of("1400"), 1400);
  EXPECT_EQ(mtu_of("0"), std::nullopt);
  EXPECT_EQ(find_mtu(json::Object::parse("{}", "test")), std::nullopt);
}

// S20
TEST(Mtu, IsRefusedWhenNoLinkCanHaveIt) {
  for (const char* value : {"-1", "-1400", "1", "67", "65536"}) try {
      mtu_of(value);
      ADD_FAILURE() << value;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::invalid_config);
      EXPECT_THAT(error.what(), testing::HasSubstr("mtu " + std::string(value)));
    }
}

}  // namespace
}  // namespace cni
