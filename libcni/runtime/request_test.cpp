// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libcni/runtime/raw_json.h"
#include "libcni/spec/error.h"

namespace runtime {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

PluginConf plugin(const std::string& text) {
  return parse_plugin(text, "");
}

std::string request(const std::string& text, Injected injected = {}) {
  injected.name = "net1";
  injected.version = "1.1.0";
  return make_request(plugin(text), injected);
}

// R-011 R-059
TEST(Request, R011_UnknownMembersArePassedByteForByte) {
  const std::string kept =
      R"("big":12345678901234567890,"real":1.0,"exp":1E+2,"text":"\u003c\/a\"}","deep":[ {"a" : [1, 2]} ,null])";
  EXPECT_THAT(request("{ \"type\" : \"pa\" , " + kept + "}"),
              HasSubstr(R"("big":12345678901234567890,)"));
  const std::string made = request("{\"type\":\"pa\"," + kept + "}");
  EXPECT_THAT(made, HasSubstr(kept));
}

// R-058
TEST(Request, R058_IsTheSameJsonWhateverTheOrder) {
  EXPECT_EQ(json::parse(request(R"({"z":1,"type":"pa","a":2})")),
            json::parse(R"({"a":2,"cniVersion":"1.1.0","name":"net1","type":"pa","z":1})"));
}

// R-022 R-047
TEST(Request, R022_NameAndVersionAreTheLists) {
  const auto made = json::parse(request(R"({"type":"pa","name":"own","cniVersion":"0.2.0"})"));
  EXPECT_EQ(made["name"], "net1");
  EXPECT_EQ(made["cniVersion"], "1.1.0");
}

// R-023 R-053
TEST(Request, R023_KeysOfTheListAndCapabilitiesStayBehind) {
  const auto made = json::parse(request(
      R"({"type":"pa","cniVersions":["1.0.0"],"disableCheck":true,"disableGC":true,"loadOnlyInlinedPlugins":true,
          "capabilities":{"mac":true}})"));
  EXPECT_EQ(made, json::parse(R"({"type":"pa","name":"net1","cniVersion":"1.1.0"})"));
}

// R-012 R-056
TEST(Request, R012_ReservedKeysOfTheConfigurationPassUntilTheyAreInjected) {
  const std::string text =
      R"({"type":"pa","args":{"cni":1},"runtimeConfig":{"old":1},"cni.dev/x":1,"capabilities":{"mac":true}})";
  const auto plain = json::parse(request(text));
  EXPECT_EQ(plain["args"], json::parse(R"({"cni":1})"));
  EXPECT_EQ(plain["runtimeConfig"], json::parse(R"({"old":1})"));
  EXPECT_EQ(plain["cni.dev/x"], 1);
  const auto injected =
      json::parse(request(text, {.capability_args = {{"mac", "\"02:00:00:00:00:01\""}}}));
  EXPECT_EQ(injected["runtimeConfig"], json::parse(R"({"mac":"02:00:00:00:00:01"})"));
}

// R-051
TEST(Request, R051_RuntimeConfigHasTheDeclaredAndSuppliedCapabilities) {
  const std::string text =
      R"({"type":"pa","capabilities":{"portMappings":true,"bandwidth":false,"ips":true}})";
  const std::string ports = R"([{"hostPort": 8080,"containerPort":80,"big":18446744073709551616}])";
  const auto made = request(
      text,
      {.capability_args = {{"portMappings", ports}, {"bandwidth", "{}"}, {"undeclared", "1"}}});
  EXPECT_THAT(made, HasSubstr("\"runtimeConfig\":{\"portMappings\":" + ports + "}"));
  EXPECT_THAT(request(text, {.capability_args = {{"bandwidth", "{}"}}}),
              Not(HasSubstr("runtimeConfig")));
}

// R-054 R-133
TEST(Request, R054_GcGetsTheListUnderBothKeys) {
  const auto keys = [](const std::optional<ValidAttachments>& valid) {
    return json::parse(request(R"({"type":"pa"})", {.valid = valid}));
  };
  const auto made = keys(ValidAttachments{{{{"c1", "eth0"}}}});
  EXPECT_EQ(made["cni.dev/valid-attachments"],
            json::parse(R"([{"containerID":"c1","ifname":"eth0"}])"));
  EXPECT_EQ(made["cni.dev/attachments"], made["cni.dev/valid-attachments"]);
  EXPECT_TRUE(keys(ValidAttachments{})["cni.dev/valid-attachments"].is_null());
  EXPECT_EQ(keys(ValidAttachments{{{}}})["cni.dev/attachments"], json::array());
  EXPECT_FALSE(keys(std::nullopt).contains("cni.dev/valid-attachments"));
}

// R-057
TEST(Request, R057_RefusesAnEmptyInjectedValue) {
  EXPECT_THROW(
      request(R"({"type":"pa","capabilities":{"mac":true}})", {.capability_args = {{"mac", ""}}}),
      cni::Error);
  EXPECT_THROW(
      request(R"({"type":"pa","capabilities":{"":true}})", {.capability_args = {{"", "1"}}}),
      cni::Error);
}

// R-059: bytes that are not UTF-8 are passed on.
TEST(Request, R059_MalformedUtf8IsPassedAsItIs) {
  EXPECT_THAT(request("{\"type\":\"pa\",\"note\":\"a\xff\xc3\",\"next\":1}"),
              HasSubstr("\"note\":\"a\xff\xc3\",\"next\":1}"));
}

TEST(RawJson, SplitsTextThatAParserAccepts) {
  const auto members = split_object(
      R"( { "a" : "x\"}," , "b\u0041":{"c":[1,"]"]}, "n" : -1.5e3 , "t":true, "e":[], "l":null } )");
  ASSERT_EQ(members.size(), 6u);
  EXPECT_EQ(members[0].text, R"("x\"},")");
  EXPECT_EQ(members[1].key, "bA");
  EXPECT_EQ(members[1].text, R"({"c":[1,"]"]})");
  EXPECT_EQ(members[2].text, "-1.5e3");
  EXPECT_EQ(members[5].text, "null");
  EXPECT_TRUE(split_object("{ }").empty());
  EXPECT_TRUE(split_array(" [ ] ").empty());
  EXPECT_THAT(split_array(R"([1, "a,b" ,{"x":[2]}])"),
              testing::ElementsAre("1", "\"a,b\"", "{\"x\":[2]}"));
}

}  // namespace
}  // namespace runtime
