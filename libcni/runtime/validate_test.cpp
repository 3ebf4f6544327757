// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "libcni/runtime/conf_dir.h"
#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Validate : public test::RuntimeWorld {
 protected:
  void supports(const std::string& type, const std::string& versions) const {
    rec.play(type + ".VERSION", "stdout",
             R"({"cniVersion":"1.1.0","supportedVersions":[)" + versions + "]}");
  }
};

// R-144
TEST_F(Validate, R144_ListsEachEnabledCapabilityOnce) {
  const auto report =
      cni().validate(net1("1.1.0", R"({"type":"pa","capabilities":{"mac":true,"off":false}} )"
                                   R"({"type":"pb","capabilities":{"ips":true,"mac":true}})"));
  EXPECT_THAT(report.capabilities, ElementsAre("mac", "ips"));
  EXPECT_THAT(report.errors, IsEmpty());
  // U4: "pa." is the call of its own parser, which only plugins of this suite answer.
  EXPECT_EQ(rec.log(), "pa.VERSION pa. pa.STATUS pb.VERSION pb. pb.STATUS");
}

// R-144 R-146
TEST_F(Validate, R144_AllErrorsAreListedTogether) {
  supports("pb", R"("0.3.1","0.4.0")");
  const auto report = cni().validate(net1("1.1.0", "gone pb"));
  ASSERT_EQ(report.errors.size(), 2u);
  EXPECT_THAT(report.errors[0], HasSubstr("failed to find plugin \"gone\" in path ["));
  EXPECT_THAT(report.errors[1],
              AllOf(testing::StartsWith("plugin pb does not support config version \"1.1.0\""),
                    HasSubstr("it supports 0.3.1, 0.4.0"),
                    HasSubstr("\"cniVersion\": \"0.4.0\" is supported by all")));
  EXPECT_EQ(report.error_text(), "[" + report.errors[0] + " " + report.errors[1] + "]");
}

// U4
TEST_F(Validate, ReportsTheAnswersOfThePluginsOwnParser) {
  rec.play("pa.", "stdout", R"({"plugin":"pa","errors":["key x is wrong"],"warnings":["key y"]})");
  const auto report = cni().validate(net1("1.1.0", R"({"type":"pa","capabilities":{"mac":true}})"));
  EXPECT_THAT(report.errors, ElementsAre("plugin pa: key x is wrong"));
  EXPECT_THAT(report.warnings, ElementsAre("plugin pa: key y"));
  EXPECT_EQ(rec.log(), "pa.VERSION pa.");
  EXPECT_EQ(rec.calls_of("pa.").front().env("CNI_COMMAND"), "(unset)");
  EXPECT_THAT(rec.calls_of("pa.").front().input, HasSubstr(R"("capabilities":{"mac":true})"));
}

// U4
TEST_F(Validate, StatusOfAnotherSuitesPluginIsAnErrorUnlessItIsOnlyNotReady) {
  fail_with("pa.STATUS", 7, "key x is wrong");
  EXPECT_THAT(cni().validate(net1("1.1.0", "pa")).errors, ElementsAre("plugin pa: key x is wrong"));
  for (const unsigned code : {11u, 50u, 51u}) {
    fail_with("pa.STATUS", code, "later");
    const auto report = cni().validate(net1("1.1.0", "pa"));
    EXPECT_THAT(report.errors, IsEmpty()) << code;
    EXPECT_THAT(report.warnings, ElementsAre("plugin pa is not ready: later")) << code;
  }
  EXPECT_THAT(cni().validate(net1("1.0.0", "pa")).warnings, IsEmpty());
}

// R-145
TEST_F(Validate, R145_NoVersionIs010) {
  supports("pa", R"("0.1.0")");
  EXPECT_THAT(cni().validate(net1("", "pa")).errors, IsEmpty());
  supports("pa", R"("0.2.0")");
  EXPECT_THAT(cni().validate(net1("", "pa")).errors,
              ElementsAre(HasSubstr("config version \"0.1.0\"")));
}

// R-149
TEST_F(Validate, R149_ChecksForIpamExecutables) {
  EXPECT_THAT(cni().validate(net1("1.1.0", R"({"type":"pa","ipam":{"type":"pb"}})")).errors,
              IsEmpty());
  EXPECT_THAT(cni().validate(net1("1.1.0", R"({"type":"pa","ipam":{"type":"gone"}})")).errors,
              ElementsAre(AllOf(HasSubstr("plugin pa"), HasSubstr("\"gone\""))));
}

// R-149 R-012
TEST_F(Validate, R149_WarnsAboutUnknownReservedAndMisspeltKeys) {
  const auto report = cni().validate(
      net1("1.1.0",
           R"({"type":"pa","args":{},"runtimeConfig":{},"prevResult":{},"cni.dev/x":1,"IPAM":{}})",
           R"("disablecheck":true,"extra":1,)"));
  EXPECT_THAT(report.warnings, Contains(AllOf(HasSubstr("disablecheck"),
                                              HasSubstr("did you mean \"disableCheck\""))));
  EXPECT_THAT(report.warnings, Contains(HasSubstr("unknown key \"extra\"")));
  for (const std::string key : {"args", "runtimeConfig", "prevResult", "cni.dev/x"})
    EXPECT_THAT(report.warnings,
                Contains(AllOf(HasSubstr("\"" + key + "\""), HasSubstr("reserved"))))
        << key;
  EXPECT_THAT(report.warnings,
              Contains(AllOf(HasSubstr("\"IPAM\""), HasSubstr("the case matters"))));
  EXPECT_EQ(report.warnings.size(), 7u);
}

// R-149
TEST_F(Validate, R149_ChecksDropInsAndDuplicateNames) {
  std::filesystem::create_directories(files / "net.d/net1");
  const std::string text = R"({"cniVersion":"1.1.0","name":"net1","plugins":[{"type":"pa"}]})";
  files.file("net.d/10.conflist", text);
  files.file("net.d/20.conflist", text);
  files.file("net.d/net1/10.conf", R"({"type":"gone"})");
  const auto report = cni().validate(load_network(files / "net.d", "net1"));
  EXPECT_THAT(report.errors, ElementsAre(HasSubstr("\"gone\"")));
  EXPECT_THAT(report.warnings, ElementsAre(AllOf(HasSubstr("net1"), HasSubstr("20.conflist"))));
}

// R-062
TEST_F(Validate, R062_WarnsAboutARelativePluginDirectory) {
  options.exec.plugin_dirs.push_back("some/dir");
  EXPECT_THAT(cni().validate(net1("1.1.0", "pa")).warnings, ElementsAre(HasSubstr("some/dir")));
}

// R-061
TEST_F(Validate, R061_WithoutDirectoriesNothingIsFound) {
  options.exec.plugin_dirs.clear();
  EXPECT_THAT(cni().validate(net1("1.1.0", "pa")).errors, ElementsAre("no paths provided"));
}

}  // namespace
}  // namespace runtime
