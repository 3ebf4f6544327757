// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/conf_dir.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/runtime/errors.h"
#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using test::thrown;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConfDir : public testing::Test {
 protected:
  static std::string list(const std::string& name, const std::string& type = "pa") {
    return R"({"cniVersion":"1.0.0","name":")" + name + R"(","plugins":[{"type":")" + type +
           R"("}]})";
  }
  static std::string single(const std::string& name) {
    return R"({"cniVersion":"1.0.0","name":")" + name + R"(","type":"pa"})";
  }
  void folder(const std::string& name) const { std::filesystem::create_directories(dir / name); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& path : find_conf_files(dir.path()))
      found.push_back(std::filesystem::path(path).filename());
    return found;
  }
  static std::vector<std::string> types(const NetworkList& list) {
    std::vector<std::string> found;
    for (const PluginConf& plugin : list.plugins) found.push_back(plugin.type);
    return found;
  }
  test::TempDir dir;
};

// R-024 R-025
TEST_F(ConfDir, R024_TakesExactExtensionsOfFilesOnly) {
  for (const char* name :
       {"b.conf", "a.conflist", "c.json", "x.conf.bak", "x.CONF", "x", "c.conflist~", "d.yaml"})
    dir.file(name, list("n"));
  folder("folder.conflist");
  folder("sub");
  dir.file("sub/inner.conflist", list("n"));
  EXPECT_THAT(names(), ElementsAre("a.conflist", "b.conf", "c.json"));
}

// R-025
TEST_F(ConfDir, R025_FollowsLinksAndSkipsHiddenFiles) {
  const std::string target = dir.file("target", list("n"));
  std::filesystem::create_symlink(target, dir / "link.conflist");
  dir.file(".conflist", list("n"));
  dir.file(".#x.conflist", list("n"));
  ASSERT_EQ(::mkfifo((dir / "pipe.conflist").c_str(), 0600), 0);
  EXPECT_THAT(names(), ElementsAre("link.conflist"));
}

// R-026
TEST_F(ConfDir, R026_TheFirstFileOfANameWins) {
  dir.file("20-x.conflist", list("n", "second"));
  dir.file("10-x.conflist", list("n", "first"));
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("first"));
  const auto files = load_all(dir.path());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[1].shadowed_by, dir / "10-x.conflist");
}

// R-027
TEST_F(ConfDir, R027_ListsComeBeforeSingleFiles) {
  dir.file("00-x.conf", single("n"));
  dir.file("50-x.conflist", list("n", "of-the-list"));
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("of-the-list"));
}

// R-028
TEST_F(ConfDir, R028_BrokenFilesAreSkippedAndNamed) {
  dir.file("00-bad.conflist", "{");
  dir.file("10-good.conflist", list("n"));
  dir.file("20-late.conflist", "{");
  EXPECT_THAT(load_network(dir.path(), "n").warnings, ElementsAre(HasSubstr("00-bad.conflist")));
  const auto error = thrown<NetworkNotFound>([&] { load_network(dir.path(), "other"); });
  EXPECT_THAT(error.what(), AllOf(HasSubstr("no net configuration with name \"other\""),
                                  HasSubstr("00-bad.conflist")));
  EXPECT_THAT(error.details(), HasSubstr("20-late.conflist"));
}

// R-029
TEST_F(ConfDir, R029_DistinguishesAnEmptyFolderFromAMissingNetwork) {
  const std::string missing = dir / "nowhere";
  EXPECT_STREQ(thrown<NoConfigs>([&] { load_network(missing, "n"); }).what(),
               ("no net configurations found in " + missing).c_str());
  thrown<NoConfigs>([&] { load_network(dir.path(), "n"); });
  dir.file("x.conflist", list("other"));
  EXPECT_STREQ(thrown<NetworkNotFound>([&] { load_network(dir.path(), "n"); }).what(),
               ("no net configuration with name \"n\" in " + dir.path()).c_str());
}

// R-030: the tests may run as root, which can read everything, so a file in the place of the folder
// is used instead.
TEST_F(ConfDir, R030_AnUnreadableFolderIsAnErrorWithItsCause) {
  const std::string file = dir.file("file", "");
  EXPECT_EQ(thrown<std::system_error>([&] { load_network(file, "n"); }).code().value(), ENOTDIR);
  std::filesystem::create_symlink("gone", dir / "x.conflist");
  EXPECT_THAT(thrown<NetworkNotFound>([&] { load_network(dir.path(), "n"); }).what(),
              HasSubstr("x.conflist"));
}

// R-033
TEST_F(ConfDir, R033_AListInAConfFileIsLoadedWithDropInsAndAHint) {
  dir.file("x.conf", list("n"));
  folder("n");
  dir.file("n/10.conf", R"({"type":"pb"})");
  const NetworkList found = load_network(dir.path(), "n");
  EXPECT_THAT(types(found), ElementsAre("pa", "pb"));
  EXPECT_THAT(found.warnings, ElementsAre(HasSubstr(".conflist")));
}

// R-034
TEST_F(ConfDir, R034_AFileBeingWrittenIsReadAgain) {
  const std::string path = dir.file("x.conflist", list("n").substr(0, 20));
  std::thread writer([&] {
    ::poll(nullptr, 0, 5);
    dir.file("x.conflist", list("n"));
  });
  EXPECT_EQ(load_file(path).name, "n");
  writer.join();
}

// R-036 R-037 R-035
TEST_F(ConfDir, R036_DropInsFollowTheInlinePlugins) {
  dir.file("x.conflist", list("n"));
  folder("n/sub.conf");
  dir.file("n/20-pc.conf", R"({"type":"pc"})");
  dir.file("n/10-pb.conf", R"({"type":"pb"})");
  dir.file("n/x.json", R"({"type":"no"})");
  dir.file("n/x.conflist", list("m"));
  const NetworkList found = load_network(dir.path(), "n");
  EXPECT_THAT(types(found), ElementsAre("pa", "pb", "pc"));
  // R-046: the origin of each.
  EXPECT_FALSE(found.plugins[0].drop_in);
  EXPECT_EQ(found.plugins[0].file, dir / "x.conflist");
  EXPECT_TRUE(found.plugins[1].drop_in);
  EXPECT_EQ(found.plugins[1].file, dir / "n/10-pb.conf");
}

// R-038
TEST_F(ConfDir, R038_TheDropInFolderMayBeMissingOrEmptyButNotAFile) {
  dir.file("x.conflist", list("n"));
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("pa"));
  folder("n");
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("pa"));
  std::filesystem::remove(dir / "n");
  dir.file("n", "");
  EXPECT_EQ(thrown<std::system_error>([&] { load_network(dir.path(), "n"); }).code().value(),
            ENOTDIR);
}

// R-039
TEST_F(ConfDir, R039_ABrokenDropInFailsTheNetworkAndIsNamed) {
  dir.file("x.conflist", list("n"));
  folder("n");
  for (const char* text : {"{", "{}", "[]"}) {
    dir.file("n/10-pb.conf", text);
    EXPECT_THAT(thrown<cni::Error>([&] { load_network(dir.path(), "n"); }).what(),
                HasSubstr("n/10-pb.conf"));
  }
}

// R-040 R-043
TEST_F(ConfDir, R040_TheDropInFolderIsNotOpenedWhenTheListSaysSo) {
  dir.file("x.conflist", R"({"name":"n","loadOnlyInlinedPlugins":true,"plugins":[{"type":"pa"}]})");
  dir.file("n", "a file would be an error if it were opened");
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("pa"));
  std::filesystem::remove(dir / "n");
  folder("n");
  dir.file("n/10-pb.conf", R"({"type":"pb"})");
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("pa"));
}

// R-041
TEST_F(ConfDir, R041_ANetworkWithoutPluginsFailsOnlyItself) {
  dir.file("00.conflist", R"({"name":"empty"})");
  dir.file("10.conflist", list("n"));
  EXPECT_THAT(thrown<cni::Error>([&] { load_network(dir.path(), "empty"); }).what(),
              HasSubstr("no plugin configs found"));
  EXPECT_THAT(types(load_network(dir.path(), "n")), ElementsAre("pa"));
  folder("empty");
  dir.file("empty/10.conf", R"({"type":"pb"})");
  EXPECT_THAT(types(load_network(dir.path(), "empty")), ElementsAre("pb"));
}

TEST_F(ConfDir, LoadAllFlagsBrokenFiles) {
  dir.file("00.conflist", "{");
  dir.file("10.conflist", list("n"));
  const auto files = load_all(dir.path());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_FALSE(files[0].list);
  EXPECT_THAT(files[0].error, HasSubstr("00.conflist"));
  EXPECT_TRUE(files[1].list);
  EXPECT_THAT(load_all(dir / "nowhere"), IsEmpty());
}

}  // namespace
}  // namespace runtime
