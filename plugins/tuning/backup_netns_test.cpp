// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "plugins/tuning/backup.h"
#include "tests/support/temp_dir.h"

namespace tuning {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::system_clock;
constexpr std::chrono::hours kHour{1};

class BackupTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& network) {
    BackupFolder::ensure(path_).write(name, "{}", network);
  }
  void collect(const std::set<std::string>& kept, Clock::time_point began = Clock::now() + kHour) {
    BackupFolder::find(path_)->remove_stale("net1", kept, began);
  }
  bool has(const std::string& name) { return fs::exists(fs::symlink_status(path_ + "/" + name)); }

  test::TempDir dir_;
  std::string path_ = dir_.path() + "/a/b";
};

TEST(Backup, NameIsTheReferencesUnlessItIsTooLong) {
  EXPECT_EQ(backup_name({"c1", "eth0"}), "c1_eth0.json");
  EXPECT_EQ(backup_name({std::string(245, 'a'), "eth0"}), std::string(245, 'a') + "_eth0.json");
  const std::string hashed = backup_name({std::string(300, 'a'), "eth0"});  // S-025
  EXPECT_EQ(hashed.size(), 133u);
  EXPECT_NE(hashed, backup_name({std::string(301, 'a'), "eth0"}));
}

TEST(Backup, TextsAreReadBack) {
  const net::LinkSettings all{.mac = base::Mac::parse("02:00:00:00:00:01"),
                              .promisc = true,
                              .mtu = 9000,
                              .allmulti = false,
                              .tx_queue_length = 4'294'967'295};
  EXPECT_EQ(parse_backup(print_backup(all)), all);
  EXPECT_EQ(print_backup({}), "{}");
  EXPECT_EQ(parse_backup("{}"), net::LinkSettings{});
  EXPECT_EQ(parse_backup(R"({"mtu":0,"mac":"","x":1})"), net::LinkSettings{});
  for (const char* text : {"", "{", "null1", "[]", R"({"mtu":"1"})", R"({"promisc":1})"})
    EXPECT_EQ(parse_backup(text), std::nullopt) << text;
}

TEST_F(BackupTest, FolderIsMadeForRootAlone) {
  EXPECT_FALSE(BackupFolder::find(path_));
  write("c1_eth0.json", "net1");
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(BackupTest, S194_GcRemovesWhatIsOfThisNetworkAndNotValid) {
  write("c1_eth0.json", "net1");
  write("c2_eth0.json", "net1");
  write("c3_eth0.json", "net2");
  base::write_file_atomic(path_ + "/c4_eth0.json", "{}", 0600);  // of the reference
  collect({"c1_eth0.json"});
  EXPECT_TRUE(has("c1_eth0.json"));
  EXPECT_FALSE(has("c2_eth0.json"));
  EXPECT_TRUE(has("c3_eth0.json"));
  EXPECT_TRUE(has("c4_eth0.json"));
}

TEST_F(BackupTest, GcLeavesAFileThatIsNewerThanItsList) {
  const auto began = Clock::now();
  write("c1_eth0.json", "net1");
  collect({}, began);
  EXPECT_TRUE(has("c1_eth0.json"));
}

TEST_F(BackupTest, NoLinkInTheFolderIsFollowed) {
  const std::string victim = dir_.file("victim", "precious");
  BackupFolder::ensure(path_);
  fs::create_symlink(victim, path_ + "/c1_eth0.json");
  fs::create_symlink(victim, path_ + "/.plumb-new");
  EXPECT_THROW(BackupFolder::find(path_)->read("c1_eth0.json"), std::system_error);
  write("c1_eth0.json", "net1");
  EXPECT_EQ(base::read_file(victim), "precious");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path_ + "/c1_eth0.json")));
  EXPECT_FALSE(has(".plumb-new"));
}

TEST_F(BackupTest, AFifoAndAFolderInTheFilesPlaceDoNotBlock) {
  BackupFolder::ensure(path_);
  ASSERT_EQ(::mkfifo((path_ + "/c1_eth0.json").c_str(), 0600), 0);
  EXPECT_THROW(BackupFolder::find(path_)->read("c1_eth0.json"), std::system_error);
  fs::create_directory(path_ + "/c2_eth0.json");
  EXPECT_THROW(BackupFolder::find(path_)->read("c2_eth0.json"), std::system_error);
  EXPECT_FALSE(BackupFolder::find(path_)->remove("c2_eth0.json"));
}

TEST_F(BackupTest, LeftoverOfAKilledAddIsReplaced) {
  BackupFolder::ensure(path_);
  base::write_file_atomic(path_ + "/.plumb-new", "half", 0600);
  write("c1_eth0.json", "net1");
  EXPECT_EQ(BackupFolder::find(path_)->read("c1_eth0.json"), "{}");
  EXPECT_FALSE(has(".plumb-new"));
}

}  // namespace
}  // namespace tuning
