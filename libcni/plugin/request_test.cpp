// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/sys_error.h"
#include "tests/support/plugin_process.h"

namespace cni {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

using PluginMain = test::PluginProcess;

// --- A5

TEST_F(PluginMain, S047_UndecodableInputIsCode6) {
  for (const char* text : {"", "{", "[]", "\"x\"", "1", "{} x", "{\"a\":1,}", "// {}"}) {
    input = text;
    for (const char* verb : {"ADD", "DEL", "CHECK", "GC", "STATUS"}) {
      const json error = failure_of(verb);
      EXPECT_EQ(error.at("code"), 6) << text;
      EXPECT_THAT(error.at("msg"), HasSubstr("error unmarshall network config: "));
    }
  }
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(PluginMain, S048_NullHasNoName) {
  input = "null";
  EXPECT_EQ(code_of("ADD"), 7u);
  input = R"({"cniVersion":"1.1.0","name":"n"})"
          "\n \t\r\n";
  EXPECT_EQ(run("ADD"), 0);
}

TEST_F(PluginMain, S049_AnInputThatCannotBeReadIsCode5) {
  Edges edges{
      .getenv = [this](const char* name) -> std::optional<std::string> {
        return environment[name];
      },
      .read_stdin = []() -> std::string { base::throw_errno("read standard input", EISDIR); },
      .write_stdout = [this](std::string_view text) { output += text; },
      .write_stderr = {}};
  environment["CNI_COMMAND"] = "ADD";
  EXPECT_EQ(plugin_main(plugin, edges), 1);
  EXPECT_EQ(json::parse(output).at("code"), 5);
}

TEST_F(PluginMain, S050_TheLastNameWins) {
  input = R"({"cniVersion":"1.1.0","name":"a b","name":"x"})";
  EXPECT_EQ(run("ADD"), 0);
}

TEST_F(PluginMain, S051_EnvelopeKeysMatchExactly) {
  input = R"({"cniVersion":"1.1.0","Name":"net1"})";
  json error = failure_of("ADD");
  EXPECT_EQ(error.at("code"), 7);
  EXPECT_EQ(error.at("msg"), "key \"Name\" must be spelled \"name\"");
  input = R"({"CNIVERSION":"1.1.0","name":"net1"})";
  error = failure_of("ADD");
  EXPECT_EQ(error.at("code"), 7);
  EXPECT_THAT(error.at("msg"), HasSubstr("cniVersion"));
  input = R"({"NAME":"other","name":"net1","cniVersion":"1.1.0"})";
  EXPECT_EQ(run("ADD"), 0);
}

TEST_F(PluginMain, S053_TheNameIsRequiredAndAnIdentifier) {
  const auto with_name = [&](const std::string& name) {
    input = R"({"cniVersion":"1.1.0","name":)" + name + "}";
    return failure_of("ADD");
  };
  EXPECT_EQ(with_name("\"\"").at("msg"), "missing network name");
  EXPECT_EQ(with_name("null").at("code"), 7);
  EXPECT_EQ(with_name("1").at("code"), 6);
  for (const char* name : {"a b", "../x", "-a", "a/b", "."}) {
    const json error = with_name("\"" + std::string(name) + "\"");
    EXPECT_EQ(error.at("code"), 7);
    EXPECT_EQ(error.at("msg"), "invalid characters found in network name");
    EXPECT_EQ(error.at("details"), name);
  }
  EXPECT_EQ(with_name("\"x\\n\"").at("details"), "x\n");
  EXPECT_EQ(with_name("\"" + std::string(256, 'n') + "\"").at("code"), 7);  // S-054
  input = R"({"name":")" + std::string(255, 'n') + R"("})";
  EXPECT_EQ(run("ADD"), 0);
}

TEST_F(PluginMain, S055_AMissingVersionIsTheFirst) {
  for (const char* text : {R"({"name":"n"})", R"({"name":"n","cniVersion":""})",
                           R"({"name":"n","cniVersion":null})"}) {
    input = text;
    EXPECT_EQ(run("ADD"), 0);
    EXPECT_EQ(json::parse(output),
              json::parse(R"({"cniVersion":"0.1.0","ip4":{"ip":"10.1.0.5/16"},"dns":{}})"));
  }
}

TEST_F(PluginMain, S056_TheVersionIsAString) {
  input = R"({"name":"n","cniVersion":1})";
  EXPECT_EQ(code_of("ADD"), 6u);
}

// S-057 S-058 S-060 S-062 S-063 S-064
TEST_F(PluginMain, S063_IgnoresUnknownKeys) {
  configure("1.1.0", R"(,"type":"zzz","args":{"x":[1]},"capabilities":{"mac":true},"cni.dev/foo":1,
    "cniVersions":["1.0.0"],"disableCheck":true,"disableGC":true,"loadOnlyInlinedPlugins":true,
    "plugins":[],"unknown":{"deep":[null]})");
  EXPECT_EQ(run("ADD"), 0);
}

// --- A6

TEST_F(PluginMain, S069_VersionsMatchLiterally) {
  for (const char* version :
       {"9.9.9", "1.0", "1.0.5", "v1.0.0", "1.0.0-rc1", "abc", "01.0.0", "1.1.0 "}) {
    configure(version);
    for (const char* verb : {"ADD", "DEL"}) {
      const json error = failure_of(verb);
      EXPECT_EQ(error.at("code"), 1) << version;
      EXPECT_EQ(error.at("msg"), "incompatible CNI versions");
      EXPECT_EQ(error.at("details"), "config is \"" + std::string(version) +
                                         "\", plugin supports [\"0.1.0\" \"0.2.0\" \"0.3.0\" "
                                         "\"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]");
    }
  }
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(PluginMain, S070_OldConfigurationsHaveNoCheck) {
  for (const char* version : {"", "0.1.0", "0.3.1"}) {
    configure(version);
    EXPECT_EQ(failure_of("CHECK").at("msg"), "config version does not allow CHECK");
  }
  configure("0.4.0");
  EXPECT_EQ(run("CHECK"), 0);
}

TEST_F(PluginMain, S071_OlderConfigurationsHaveNeitherGcNorStatus) {
  for (const char* version : {"", "0.4.0", "1.0.0", "1.0.5"})
    for (const std::string verb : {"GC", "STATUS"}) {
      configure(version);
      const json error = failure_of(verb);
      EXPECT_EQ(error.at("code"), 1);
      EXPECT_EQ(error.at("msg"), "config version does not allow " + verb);
    }
}

TEST_F(PluginMain, S072_AnUnreadableVersionIsCode6WhereVersionsAreCompared) {
  configure("zz");
  for (const char* verb : {"CHECK", "GC", "STATUS"}) EXPECT_EQ(code_of(verb), 6u);
  EXPECT_EQ(code_of("ADD"), 1u);
}

TEST_F(PluginMain, S073_RefusesAConfigurationThatIsNewerThanThePlugin) {
  configure("1.2.0");
  for (const std::string verb : {"CHECK", "GC", "STATUS"})
    EXPECT_EQ(failure_of(verb).at("msg"), "plugin version does not allow " + verb);
}

TEST_F(PluginMain, S074_APluginMaySupportFewerVersions) {
  plugin.versions = std::span(kVersions).subspan(4);
  configure("0.3.1");
  EXPECT_EQ(code_of("ADD"), 1u);
  run("VERSION");
  EXPECT_EQ(json::parse(output).at("supportedVersions"), json({"0.4.0", "1.0.0", "1.1.0"}));
}

TEST_F(PluginMain, S075_TheResultHasTheVersionOfTheRequest) {
  for (const auto& version : kVersions) {
    configure(version.text());
    EXPECT_EQ(run("ADD"), 0);
    EXPECT_EQ(json::parse(output).at("cniVersion"), version.text());
  }
}

TEST(WithConfig, S052_AddRefusesALargeDocumentThatDelStillTakes) {
  const std::string large = R"({"x":")" + std::string(1 << 21, 'x') + R"("})";
  for (const Verb verb : {Verb::add, Verb::del}) {
    const Request request{.verb = verb, .stdin_text = "{}"};
    if (verb == Verb::add)
      EXPECT_THROW(with_config(request, large), Error);
    else
      EXPECT_TRUE(with_config(request, large).config.has("x"));
    EXPECT_NO_THROW(with_config(request, R"({"x":")" + std::string(1 << 20, 'x') + R"("})"));
  }
}

// S13
TEST(Request, S13_StartIsNotLaterWhenTheWallClockIsSetBack) {
  using std::chrono::hours;
  using std::chrono::minutes;
  const auto now = std::chrono::system_clock::now();
  const Request set_back{.began = base::boot_time(), .started = now + hours(1)};
  EXPECT_LT(set_back.earliest_start(), now + minutes(30));
  const Request set_forward{.began = base::boot_time(), .started = now - hours(1)};
  EXPECT_EQ(set_forward.earliest_start(), now - hours(1));
}

}  // namespace
}  // namespace cni
