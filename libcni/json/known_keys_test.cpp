// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/known_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace json {
namespace {

constexpr std::string_view kKnown =
    "mtu:int(68..65535) rate:uint on:bool old:flag mode:string(l2|l3) any dns.domain:string"
    " vlanTrunk[].id:int gateways[]:string ranges[][].subnet:string sysctl:map(string) ipam:object";

std::vector<std::string> wrong(const std::string& text) {
  std::vector<std::string> lines;
  for (const auto& type : find_wrong_types(Object::parse(text, "test"), kKnown))
    lines.push_back(type.text);
  return lines;
}

// U4
TEST(KnownKeys, NameEachValueOfAWrongTypeInTheWordsOfTheGetters) {
  EXPECT_THAT(wrong(R"({"MTU":"1400","rate":-1,"on":"yes","old":1,"mode":2,"dns":[],"ipam":1})"),
              testing::UnorderedElementsAre("key \"MTU\" must be an integer, not \"1400\"",
                                            "key \"rate\" must be a non-negative integer, not -1",
                                            "key \"on\" must be true or false, not \"yes\"",
                                            "key \"old\" must be true or false, not 1",
                                            "key \"mode\" must be a string, not 2",
                                            "key \"dns\" must be an object, not []",
                                            "key \"ipam\" must be an object, not 1"));
}

// U4
TEST(KnownKeys, NameWrongTypesInsideListsAndMaps) {
  EXPECT_THAT(
      wrong(R"({"vlanTrunk":[{"id":1},{"id":"2"},3],"gateways":"10.1.0.1",
                "ranges":[[{"subnet":1}],{}],"sysctl":{"a":"1","b":2}})"),
      testing::UnorderedElementsAre("key \"vlanTrunk[1].id\" must be an integer, not \"2\"",
                                    "key \"vlanTrunk[2]\" must be an object, not 3",
                                    "key \"gateways\" must be a list of strings, not \"10.1.0.1\"",
                                    "key \"ranges[0][0].subnet\" must be a string, not 1",
                                    "key \"ranges[1]\" must be a list of objects, not {}",
                                    "key \"sysctl.b\" must be a string, not 2"));
}

// U4
TEST(KnownKeys, AcceptNullUnknownKeysAndKeysOfAnyType) {
  EXPECT_THAT(wrong(R"({"mtu":null,"any":[1],"other":{"mtu":"x"},"old":"true","on":true,
                        "ranges":[[null]],"dns":{"domain":null}})"),
              testing::IsEmpty());
}

}  // namespace
}  // namespace json
