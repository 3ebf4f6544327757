// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/unknown_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace json {
namespace {

std::vector<std::string> unknown(const std::string& text, std::string_view known) {
  std::vector<std::string> lines;
  for (const auto& key : find_unknown_keys(Object::parse(text, "test"), known))
    lines.push_back(key.path + key.hint);
  return lines;
}

// U4
TEST(UnknownKeys, AreFoundAtEveryDepthWithTheNearestKnownKey) {
  constexpr std::string_view kKnown =
      "mtu isGateway dns.search vlanTrunk[].minID ranges[][].subnet";
  EXPECT_THAT(unknown(R"({"isGatway":true,"mtu":1,"extra":{"x":1},"dns":{"serach":[]},
                          "vlanTrunk":[{"minID":1},{"minDI":1}],"ranges":[[{"subnets":1}]]})",
                      kKnown),
              testing::UnorderedElementsAre("isGatway, did you mean \"isGateway\"?", "extra",
                                            "dns.serach, did you mean \"search\"?",
                                            "vlanTrunk[1].minDI, did you mean \"minID\"?",
                                            "ranges[0][0].subnets, did you mean \"subnet\"?"));
}

// U4
TEST(UnknownKeys, DoNotIncludeOtherCaseOrMembersOfAnOpenKey) {
  EXPECT_THAT(unknown(R"({"MTU":1,"args":{"any":{"thing":1}}})", "mtu args"), testing::IsEmpty());
}

// U4
TEST(UnknownKeys, AreSearchedInsideListsOfTheTableOnlyHoweverDeepOthersAre) {
  constexpr std::size_t kDepth = 9990;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  EXPECT_THAT(unknown("{\"mtu\":" + deep + ",\"trunk\":" + deep + "}", "mtu:int trunk[].id:int"),
              testing::IsEmpty());
}

}  // namespace
}  // namespace json
