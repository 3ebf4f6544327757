// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/plugin_process.h"
#include "tests/support/temp_dir.h"

namespace cni {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using PluginMain = test::PluginProcess;

// --- A1: dispatch and environment

TEST_F(PluginMain, S002_AcceptsExactVerbsOnly) {
  for (const char* verb : {"add", "Add", " ADD", "DELETE", "GET", "NOPE", "ADD "})
    EXPECT_EQ(code_of(verb), 4u) << verb;
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(PluginMain, S003_NamesAnUnknownCommandAndNothingElse) {
  const json error = failure_of("NOPE");
  EXPECT_EQ(error.at("msg"), "unknown CNI_COMMAND: NOPE");
  EXPECT_FALSE(error.contains("details"));
}

TEST_F(PluginMain, S004_RefusesAnUnknownCommandWithAnyInput) {
  input = "";
  EXPECT_EQ(code_of("NOPE"), 4u);
}

TEST_F(PluginMain, S005_PrintsWhatItIsWithoutACommand) {
  for (const bool present : {false, true}) {
    environment.erase("CNI_COMMAND");
    if (present) environment["CNI_COMMAND"] = "";
    errors.clear();
    EXPECT_EQ(run(), 0);
    EXPECT_EQ(output, "");
    EXPECT_THAT(errors,
                testing::MatchesRegex(
                    "CNI test plugin [^\n]+\nCNI protocol versions supported: 0.1.0, 0.2.0, "
                    "0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n"));
  }
  EXPECT_EQ(stdin_reads, 0);
}

struct Need {
  const char* verb;
  std::vector<std::string> variables;
};

// S-007 to S-014
TEST_F(PluginMain, S007_RequiresTheVariablesOfTheVerb) {
  const std::vector<Need> needs{
      {"ADD", {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"}},
      {"CHECK", {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"}},
      {"DEL", {"CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"}},
      {"GC", {"CNI_PATH"}},
      {"STATUS", {"CNI_PATH"}}};
  const auto complete = environment;
  for (const auto& [verb, variables] : needs) {
    for (const auto& [name, value] : complete) {
      SCOPED_TRACE(verb + (" " + name));
      const bool needed = std::ranges::find(variables, name) != variables.end();
      environment = complete;
      environment.erase(name);
      EXPECT_EQ(run(verb), needed ? 1 : 0);
      if (!needed) continue;
      EXPECT_EQ(json::parse(output).at("msg"), "required env variables [" + name + "] missing");
      environment[name] = "";  // S-014
      EXPECT_EQ(run(verb), 1);
    }
  }
}

TEST_F(PluginMain, S012_VersionNeedsNothing) {
  environment.clear();
  input = "garbage";
  EXPECT_EQ(run("VERSION"), 0);
  EXPECT_EQ(json::parse(output).at("supportedVersions").size(), 7u);
  EXPECT_EQ(stdin_reads, 0);  // S-080
}

TEST_F(PluginMain, S015_NamesAllMissingVariablesInOrder) {
  environment.clear();
  EXPECT_EQ(failure_of("ADD").at("msg"),
            "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing");
}

TEST_F(PluginMain, S017_ReportsMissingAndMalformedTogether) {
  environment.erase("CNI_CONTAINERID");
  environment["CNI_IFNAME"] = "a/b";
  const json error = failure_of("ADD");
  EXPECT_EQ(error.at("code"), 4);
  EXPECT_THAT(error.at("msg"), HasSubstr("CNI_CONTAINERID"));
  EXPECT_THAT(error.at("msg"), HasSubstr("CNI_IFNAME"));
  EXPECT_EQ(error.at("details"), "a/b");
}

TEST_F(PluginMain, S018_GcStatusAndVersionIgnoreTheAttachment) {
  environment["CNI_CONTAINERID"] = "a b";
  environment["CNI_IFNAME"] = "a/b";
  environment["CNI_NETNS"] = "dummy";
  environment["CNI_ARGS"] = "=;=";
  configure("1.1.0", R"(,"cni.dev/valid-attachments":[])");
  for (const char* verb : {"GC", "STATUS", "VERSION"}) EXPECT_EQ(run(verb), 0) << verb;
  EXPECT_THAT(calls, ElementsAre("GC", "STATUS"));
}

TEST_F(PluginMain, S019_UnknownVariablesAreIgnored) {
  environment["CNI_VERSION"] = "9";
  environment["TRACEPARENT"] = "garbage";  // S-020
  EXPECT_EQ(run("ADD"), 0);
}

// --- A2, A3

TEST_F(PluginMain, S023_TakesContainerIds) {
  for (const std::string& id :
       {std::string("a"), std::string("0"), std::string("A_.-9"), std::string("a."),
        std::string("a..b"), std::string("a-"), std::string(64, 'f'), std::string(300, 'a')}) {
    environment["CNI_CONTAINERID"] = id;
    EXPECT_EQ(run("ADD"), 0) << id;
  }
}

TEST_F(PluginMain, S024_RefusesContainerIds) {
  for (const char* id : {"-a", "_a", ".a", ".", "..", "a b", "a/b", "a:b", "a\n", "a;b", "\xc3\xa9",
                         "a%b", " a", "a "})
    for (const char* verb : {"ADD", "DEL", "CHECK"}) {
      environment["CNI_CONTAINERID"] = id;
      const json error = failure_of(verb);
      EXPECT_EQ(error.at("code"), 4) << id;
      EXPECT_EQ(error.at("msg"), "CNI_CONTAINERID: invalid characters in containerID");
      EXPECT_EQ(error.at("details"), id);
    }
  EXPECT_THAT(calls, IsEmpty());
}

TEST_F(PluginMain, S029_TakesInterfaceNames) {
  for (const char* name : {"aaaaaaaaaaaaaaa", "...", "eth0.100", "eth-0", "\xc3\xa9"}) {
    environment["CNI_IFNAME"] = name;
    EXPECT_EQ(run("ADD"), 0) << name;
  }
}

// S-029 to S-032
TEST_F(PluginMain, S031_RefusesInterfaceNames) {
  for (const char* name : {"aaaaaaaaaaaaaaaa",
                           "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
                           ".",
                           "..",
                           "a/b",
                           "a:b",
                           "a b",
                           "a\tb",
                           "a\nb",
                           "a\vb",
                           "a\fb",
                           "a\rb",
                           "a\xc2\x85",
                           "a\xc2\xa0",
                           "a\xe1\x9a\x80",
                           "a\xe2\x80\x80",
                           "a\xe2\x80\x8a",
                           "a\xe2\x80\xa8",
                           "a\xe2\x80\xa9",
                           "a\xe2\x80\xaf",
                           "a\xe2\x81\x9f",
                           "a\xe3\x80\x80",
                           "eth%d",
                           "a\x01"
                           "b",
                           "a\x7f",
                           "\xff"}) {
    environment["CNI_IFNAME"] = name;
    const json error = failure_of("ADD");
    EXPECT_EQ(error.at("code"), 4) << name;
    EXPECT_THAT(error.at("msg"), HasSubstr("CNI_IFNAME"));
  }
  EXPECT_THAT(calls, IsEmpty());
}

// --- A4

TEST_F(PluginMain, S038_AddAndCheckNeedANamespace) {
  const test::TempDir folder;
  const auto regular = folder.file("regular", "");
  for (const std::string& path :
       {std::string("/nonexistent"), regular, std::string("/proc/self/ns/mnt")})
    for (const char* verb : {"ADD", "CHECK"}) {
      environment["CNI_NETNS"] = path;
      const json error = failure_of(verb);
      EXPECT_EQ(error.at("code"), 4);
      EXPECT_THAT(error.at("msg"), HasSubstr("CNI_NETNS"));
      EXPECT_THAT(error.at("msg"), HasSubstr(path));
    }
  EXPECT_THAT(calls, IsEmpty());
}

// S-042 S-043
TEST_F(PluginMain, S042_DelNeedsNoNamespace) {
  const test::TempDir folder;
  const auto stale = folder.file("stale", "");
  for (const std::string& path : {std::string(), std::string("/nonexistent"), stale}) {
    environment["CNI_NETNS"] = path;
    EXPECT_EQ(run("DEL"), 0);
    EXPECT_FALSE(had_sandbox);
    EXPECT_EQ(output, "");
  }
  EXPECT_THAT(calls, ElementsAre("DEL", "DEL", "DEL"));
}

TEST_F(PluginMain, S039_RefusesItsOwnNamespaceBeforeAddDoesAnything) {
  environment["CNI_NETNS"] = "/proc/self/ns/net";
  EXPECT_EQ(code_of("ADD"), 8u);
  EXPECT_THAT(calls, IsEmpty());
  for (const char* yes : {"1", "true", "TRUE", "True"}) {
    environment["CNI_NETNS_OVERRIDE"] = yes;
    EXPECT_EQ(run("ADD"), 0) << yes;
    EXPECT_TRUE(had_sandbox);
  }
  environment["CNI_NETNS_OVERRIDE"] = "yes";
  EXPECT_EQ(code_of("ADD"), 8u);
}

// S-040 S-176
TEST_F(PluginMain, S176_DelOfItsOwnNamespaceReleasesTheRestThenFails) {
  environment["CNI_NETNS"] = "/proc/self/ns/net";
  EXPECT_EQ(code_of("DEL"), 8u);
  EXPECT_THAT(calls, ElementsAre("DEL"));
  EXPECT_FALSE(had_sandbox);
}

TEST_F(PluginMain, S036_OpensTheNamespaceForAddCheckAndDel) {
  for (const char* verb : {"ADD", "CHECK", "DEL"}) {
    had_sandbox = false;
    EXPECT_EQ(run(verb), 0);
    EXPECT_TRUE(had_sandbox) << verb;
  }
}

// R3
TEST_F(PluginMain, R3_OnlyAPluginThatOpensTheNamespaceRequiresIt) {
  plugin.opens_sandbox = false;
  for (const char* path : {"/nonexistent", "cnitool-1", "/"})
    for (const char* yes : {"", "1"})
      for (const char* verb : {"ADD", "CHECK", "DEL"}) {
        environment["CNI_NETNS"] = path;
        environment["CNI_NETNS_OVERRIDE"] = yes;
        EXPECT_EQ(run(verb), 0) << verb << " " << path << output;
        EXPECT_FALSE(had_sandbox);
      }
  environment["CNI_NETNS_OVERRIDE"] = "";
  environment["CNI_NETNS"] = "/proc/self/ns/net";
  EXPECT_EQ(code_of("ADD"), 8u);
}

}  // namespace
}  // namespace cni
