// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/network_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace runtime {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string list_error(const std::string& text, const std::string& file = {}) {
  try {
    parse_list(text, file);
  } catch (const cni::Error& error) {
    return error.what();
  }
  return "(parsed)";
}

std::string with(const std::string& keys) {
  return "{\"name\":\"net1\",\"plugins\":[{\"type\":\"pa\"}]," + keys + "}";
}

std::string plugin_error(const std::string& object) {
  return list_error("{\"name\":\"net1\",\"plugins\":[{\"type\":\"pa\"}," + object + "]}");
}

std::string selected(const std::string& keys) {
  return parse_list(with(keys)).version;
}

// R-001 R-013
TEST(NetworkList, R001_ReadsTheKeysOfTheList) {
  const std::string bytes = R"({"cniVersion":"1.0.0","cniVersions":["1.0.0","1.1.0"],"name":"dbnet",
    "disableCheck":true,"disableGC":true,"loadOnlyInlinedPlugins":true,"future":{"a":1},
    "plugins":[{"type":"bridge","ipam":{"type":"host-local"},"capabilities":{"mac":true,"no":false}},
               {"type":"tuning","name":"own"}]})";
  const NetworkList list = parse_list(bytes);
  EXPECT_EQ(list.cni_version, "1.0.0");
  EXPECT_THAT(*list.cni_versions, ElementsAre("1.0.0", "1.1.0"));
  EXPECT_EQ(list.name, "dbnet");
  EXPECT_TRUE(list.disable_check && list.disable_gc && list.load_only_inlined_plugins);
  ASSERT_EQ(list.plugins.size(), 2u);
  EXPECT_EQ(list.plugins[0].type, "bridge");
  EXPECT_EQ(list.plugins[0].ipam_type, "host-local");
  EXPECT_THAT(list.plugins[0].capabilities, ElementsAre("mac"));
  EXPECT_EQ(list.plugins[1].text, R"({"type":"tuning","name":"own"})");
  EXPECT_EQ(list.plugins[1].name, "own");
  EXPECT_EQ(list.bytes, bytes);
}

// R-002
TEST(NetworkList, R002_NameIsThereAndAString) {
  EXPECT_THAT(list_error(R"({"plugins":[{"type":"pa"}]})"), HasSubstr("no name"));
  EXPECT_THAT(list_error(R"({"name":3,"plugins":[{"type":"pa"}]})"),
              HasSubstr("invalid name type 3"));
  EXPECT_THAT(list_error(R"({"name":null,"plugins":[{"type":"pa"}]})"),
              HasSubstr("invalid name type"));
  EXPECT_THAT(list_error(R"({"Name":"n","plugins":[{"type":"pa"}]})"), HasSubstr("no name"));
}

// R-003
TEST(NetworkList, R003_NameIsCheckedAtLoad) {
  const auto error =
      list_error(R"({"name":"../evil","plugins":[{"type":"pa"}]})", "/etc/x.conflist");
  EXPECT_THAT(error, AllOf(HasSubstr("../evil"), HasSubstr("/etc/x.conflist")));
  EXPECT_NE(list_error(R"({"name":"","plugins":[{"type":"pa"}]})"), "(parsed)");
}

// R-004 R-032
TEST(NetworkList, R004_AbsentVersionIsKeptEmptyAndSentAs010) {
  const NetworkList list = parse_list(R"({"name":"net1","plugins":[{"type":"pa"}]})");
  EXPECT_EQ(list.cni_version, "");
  EXPECT_EQ(list.version, "0.1.0");
  EXPECT_THAT(list_error(with("\"cniVersion\":1")), HasSubstr("cniVersion"));
}

// R-005
TEST(NetworkList, R005_BooleansMayBeStringsInAnyCase) {
  EXPECT_TRUE(parse_list(with(R"("disableCheck":"TRUE")")).disable_check);
  EXPECT_FALSE(parse_list(with(R"("disableGC":"False")")).disable_gc);
  for (const std::string key : {"disableCheck", "disableGC", "loadOnlyInlinedPlugins"})
    for (const std::string value : {"\"yes\"", "1", "null"})
      EXPECT_THAT(list_error(with("\"" + key + "\":" + value)),
                  AllOf(HasSubstr(key), HasSubstr(value)));
}

// R-006 R-042
TEST(NetworkList, R006_PluginsMayBeAbsentButNotEmpty) {
  EXPECT_THAT(parse_list(R"({"name":"net1"})").plugins, IsEmpty());
  EXPECT_THAT(list_error(R"({"name":"net1","loadOnlyInlinedPlugins":true})"),
              HasSubstr("no 'plugins' key"));
  EXPECT_THAT(list_error(R"({"name":"net1","plugins":[]})"), HasSubstr("no plugins in list"));
  EXPECT_THAT(list_error(R"({"name":"net1","plugins":null})"), HasSubstr("plugins"));
  EXPECT_THAT(list_error(R"({"name":"net1","plugins":{}})"), HasSubstr("plugins"));
}

// R-007
TEST(NetworkList, R007_EachPluginHasAType) {
  for (const std::string object : {"{}", R"({"type":""})", "\"pa\"", "3", R"({"type":7})"})
    EXPECT_THAT(plugin_error(object), AllOf(HasSubstr("missing 'type'"), HasSubstr("plugins[1]")))
        << object;
  EXPECT_THAT(plugin_error(R"({"Type":"pb"})"), HasSubstr("found 'Type'"));
}

// R-008
TEST(NetworkList, R008_TypesHoldNoSeparators) {
  EXPECT_THAT(plugin_error(R"({"type":"../bin/pa"})"), HasSubstr("invalid plugin name: ../bin/pa"));
  EXPECT_THAT(plugin_error(R"({"type":".."})"), HasSubstr("invalid plugin name"));
  EXPECT_THAT(plugin_error(R"({"type":"pa","ipam":{"type":"a/b"}})"), HasSubstr("ipam.type"));
}

// R-009
TEST(NetworkList, R009_KnownMembersAreTypeChecked) {
  for (const std::string member : {R"("capabilities":{"a":"true"})", R"("capabilities":[])",
                                   R"("ipam":"x")", R"("dns":[])", R"("ipam":{"type":3})"})
    EXPECT_THAT(plugin_error("{\"type\":\"pa\"," + member + "}"), HasSubstr("plugins[1]"))
        << member;
}

// R-010
TEST(NetworkList, R010_MalformedJsonIsLocated) {
  const auto error = list_error("{\n  \"name\": \"n\",\n  oops\n}", "/etc/00-x.conflist");
  EXPECT_THAT(error, AllOf(HasSubstr("/etc/00-x.conflist"), HasSubstr("configuration list"),
                           HasSubstr("line 3, column 3")));
  EXPECT_THAT(list_error("{"), HasSubstr("line 1, column 2"));
  EXPECT_THAT(list_error("[]"), HasSubstr("not a JSON object"));
}

// R-014
TEST(NetworkList, R014_ParsingBytesReadsNoDropIns) {
  EXPECT_THAT(parse_list(R"({"name":"net1"})", "/etc/cni/net.d/x.conflist").plugins, IsEmpty());
}

// R-015
TEST(NetworkList, R015_SelectsTheHighestCommonVersion) {
  EXPECT_EQ(selected(R"("cniVersions":["1.1.0","0.4.0","1.0.0"])"), "1.1.0");
  EXPECT_EQ(selected(R"("cniVersions":["99.0.0","1.0.0"])"), "1.0.0");
  EXPECT_EQ(selected(R"("cniVersion":"1.0.0","cniVersions":["0.1.0","0.4.0"])"), "1.0.0");
  EXPECT_EQ(selected(R"("cniVersion":"0.4.0","cniVersions":[])"), "0.4.0");
}

// R-016
TEST(NetworkList, R016_ALoneVersionIsUsedAsIs) {
  EXPECT_EQ(selected(R"("cniVersion":"1.2.3")"), "1.2.3");
  EXPECT_EQ(selected(R"("cniVersion":"2.0.0")"), "2.0.0");
}

// R-017
TEST(NetworkList, R017_NothingInCommonIsAnErrorNamingBothSides) {
  for (const std::string keys : {R"("cniVersions":[])", R"("cniVersions":["2.0.0"])"})
    EXPECT_THAT(list_error(with(keys)), HasSubstr("no version in common"));
  EXPECT_THAT(list_error(with(R"("cniVersions":["2.0.0"])")),
              AllOf(HasSubstr("2.0.0"), HasSubstr("1.1.0")));
}

// R-018
TEST(NetworkList, R018_BadVersionEntriesAreLocated) {
  EXPECT_THAT(list_error(with(R"("cniVersions":["1.0.0","1.0.f"])")), HasSubstr("cniVersions[1]"));
  EXPECT_THAT(list_error(with(R"("cniVersions":"1.0.0")")), HasSubstr("cniVersions"));
  EXPECT_THAT(list_error(with(R"("cniVersions":[1])")), HasSubstr("cniVersions[0]"));
}

// R-019 R-020
TEST(NetworkList, R020_ShortVersionsAreWrittenOut) {
  EXPECT_EQ(selected(R"("cniVersions":["1.1"])"), "1.1.0");
  EXPECT_EQ(selected(R"("cniVersion":"1")"), "1.0.0");
  EXPECT_EQ(selected(R"("cniVersion":"1.1","cniVersions":["1.1.0"])"), "1.1.0");
}

// R-019 R-118
TEST(NetworkList, R019_RecognisesAVersionOutsideTheGrammar) {
  EXPECT_FALSE(parse_list(with(R"("cniVersion":"1.2.3.4")")).version_is_valid());
  EXPECT_FALSE(parse_list(with(R"("cniVersion":"one")")).version_is_valid());
  EXPECT_TRUE(parse_list(with(R"("cniVersion":"1")")).version_is_valid());
}

// R-031
TEST(NetworkList, R031_SinglePluginFilesLiftTheKeysOfTheList) {
  const NetworkList list = parse_single(
      R"({"cniVersion":"0.4.0","cniVersions":["1.0.0"],"name":"net1","type":"pa","disableCheck":true})",
      "x.conf");
  EXPECT_EQ(list.version, "1.0.0");
  EXPECT_TRUE(list.disable_check);
  ASSERT_EQ(list.plugins.size(), 1u);
  EXPECT_EQ(list.plugins[0].type, "pa");
  EXPECT_THAT(list.warnings, ElementsAre(AllOf(HasSubstr("deprecated"), HasSubstr("x.conf"))));
}

// R-033
TEST(NetworkList, R033_AListInAPlaceOfASinglePluginIsTakenWithAHint) {
  const NetworkList list = parse_single(with("\"disableGC\":true"), "x.conf");
  EXPECT_FALSE(list.single);
  EXPECT_THAT(list.warnings, ElementsAre(HasSubstr("rename it to end in .conflist")));
}

}  // namespace
}  // namespace runtime
