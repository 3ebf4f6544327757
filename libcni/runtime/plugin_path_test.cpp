// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/plugin_path.h"

#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/runtime/errors.h"
#include "tests/support/runtime_world.h"
#include "tests/support/temp_dir.h"

namespace runtime {
namespace {

using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PluginDirs : public testing::Test {
 protected:
  PluginDirs() {
    std::filesystem::create_directories(root / "a");
    std::filesystem::create_directories(root / "b");
  }
  test::TempDir root;
  const std::string a = root / "a";
  const std::string b = root / "b";
};

//
TEST_F(PluginDirs, R060_TheFirstDirectoryWithARegularFileWins) {
  std::filesystem::create_directories(root / "a/pa");
  root.script("b/pa", "exit 0");
  const PluginPath path({a, b});
  EXPECT_EQ(path.find("pa"), b + "/pa");
  std::filesystem::remove(root / "a/pa");
  std::filesystem::create_symlink(b + "/pa", root / "a/pa");
  EXPECT_EQ(path.find("pa"), a + "/pa");
}

//
TEST_F(PluginDirs, R061_ErrorsHaveTheTextsOfTheReference) {
  const PluginPath path({a, b});
  EXPECT_STREQ(thrown<cni::Error>([&] { path.find(""); }).what(), "no plugin name provided");
  EXPECT_STREQ(thrown<cni::Error>([&] { path.find("../a/pa"); }).what(),
               "invalid plugin name: ../a/pa");
  EXPECT_STREQ(thrown<cni::Error>([&] { PluginPath({}).find("pa"); }).what(), "no paths provided");
  const auto error = thrown<PluginNotFound>([&] { path.find("pa"); });
  EXPECT_EQ(error.what(), "failed to find plugin \"pa\" in path [" + a + " " + b + "]");
  EXPECT_EQ(error.type(), "pa");
}

//
TEST_F(PluginDirs, R062_EmptyAndRelativeElementsAndNonExecutables) {
  root.file("a/pa", "not executable");
  root.script("b/pa", "exit 0");
  EXPECT_EQ(PluginPath({"", a, b}).find("pa"), b + "/pa");
  EXPECT_THAT(PluginPath({"", a}).warnings(), IsEmpty());
  const PluginPath relative({"some/dir"});
  EXPECT_THAT(relative.dirs(),
              ElementsAre((std::filesystem::current_path() / "some/dir").string()));
  EXPECT_THAT(relative.warnings(), ElementsAre(HasSubstr("some/dir")));
}

TEST_F(PluginDirs, SplitsAndJoinsCniPath) {
  EXPECT_THAT(PluginPath::split("/a::/b:"), ElementsAre("/a", "", "/b"));
  EXPECT_EQ(PluginPath({"/a", "", "/b"}).text(), "/a:/b");
}

TEST_F(PluginDirs, ListsEachExecutableOnce) {
  root.script("a/pb", "exit 0");
  root.script("b/pb", "exit 0");
  root.script("b/pa", "exit 0");
  root.file("a/README.md", "text");
  EXPECT_THAT(PluginPath({a, b}).all_types(), ElementsAre("pb", "pa"));
}

}  // namespace
}  // namespace runtime
