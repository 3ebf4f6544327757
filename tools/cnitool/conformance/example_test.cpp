// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/example.h"

#include <gtest/gtest.h>

namespace conformance {
namespace {

using nlohmann::json;

TEST(ConformanceExample, TakesTheConfigurationOfAnInterfacePluginAsItIs) {
  const json document = {{"type", "toy"}, {"mtu", 1400}};
  EXPECT_EQ(own_part(document, "toy"), document);
}

TEST(ConformanceExample, TakesTheIpamPartForAnIpamPlugin) {
  const json document = {{"type", "bridge"}, {"ipam", {{"type", "toy"}, {"subnet", "10.0.0.0/8"}}}};
  EXPECT_EQ(own_part(document, "toy"), json({{"ipam", document["ipam"]}}));
}

TEST(ConformanceExample, GivesAPrevResultToAPluginThatIsNotTheFirstOfItsList) {
  const json document = {{"plugins", {{{"type", "bridge"}}, {{"type", "toy"}}}}};
  EXPECT_TRUE(own_part(document, "toy").contains("prevResult"));
  EXPECT_FALSE(own_part(document, "bridge").contains("prevResult"));
  EXPECT_TRUE(own_part(document, "absent").is_null());
}

TEST(ConformanceExample, ReplacesTheRangesOfHostLocalByThoseThatTheRowsKnow) {
  const json document = {{"type", "toy"}, {"ipam", {{"type", "host-local"}, {"subnet", "x"}}}};
  EXPECT_EQ(own_part(document, "toy")["ipam"]["ranges"][0][0]["subnet"], "10.88.0.0/16");
}

TEST(ConformanceExample, IsThereForEveryPlugin) {
  EXPECT_FALSE(examples().empty());
  for (const Example& each : examples())
    EXPECT_TRUE(find_example(std::string(each.type)).is_object()) << each.type;
  EXPECT_TRUE(find_example("absent").is_null());
}

}  // namespace
}  // namespace conformance
