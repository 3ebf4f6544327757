// SPDX-License-Identifier: Apache-2.0
// Data directories that cannot be written, on file systems that the test mounts.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "ipam/host-local/plugin.h"
#include "libcni/base/file.h"
#include "tests/support/plugin_process.h"
#include "tests/support/temp_dir.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class HostLocalDisk : public test::PluginProcess {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "a mount namespace needs root";
    ASSERT_EQ(::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    plugin = ipam_host_local::plugin();
    configure("1.1.0", R"(,"ipam":{"type":"host-local","dataDir":")" + dir.path() +
                           R"(","ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00::/64"}]]})");
  }
  void TearDown() override { ::umount2(dir.path().c_str(), MNT_DETACH); }

  void mount(const std::string& options) {
    ASSERT_EQ(::mount("none", dir.path().c_str(), "tmpfs", 0, options.c_str()), 0);
  }
  void remount(unsigned long flags) {
    ASSERT_EQ(::mount("none", dir.path().c_str(), nullptr, MS_REMOUNT | flags, nullptr), 0);
  }
  int call(const std::string& verb, const std::string& id) {
    environment["CNI_CONTAINERID"] = id;
    return run(verb);
  }
  void expect_failure(const std::string& verb, const std::string& id, unsigned code) {
    EXPECT_EQ(call(verb, id), 1) << verb;
    const json error = json::parse(output);
    EXPECT_EQ(error.at("code"), code) << output;
    EXPECT_THAT(output, HasSubstr(dir.path()));
  }
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(dir.path()))
      if (entry.is_regular_file() && entry.path().filename() != "filler")
        found[entry.path()] = base::read_file(entry.path());
    return found;
  }
  /// The same, without the files that an empty network keeps.
  std::size_t reservations() const {
    std::size_t count = 0;
    for (const auto& [path, content] : files()) {
      const std::string name = fs::path(path).filename();
      if (name != "lock" && !name.starts_with(".plumb-net1")) ++count;
    }
    return count;
  }
  void fill() const {
    std::ofstream filler(dir / "filler");
    while (filler.write(std::string(4096, 'x').data(), 4096).flush()) {
    }
  }

  test::TempDir dir;
};

TEST_F(HostLocalDisk, AReadOnlyDataDirIsOneErrorAndNoChange) {
  mount("size=1m");
  ASSERT_EQ(call("ADD", "c1"), 0) << output;
  const auto before = files();
  remount(MS_RDONLY);
  expect_failure("ADD", "c2", 5);
  expect_failure("DEL", "c1", 5);
  expect_failure("STATUS", "c1", 50);
  EXPECT_EQ(call("DEL", "c9"), 0) << "nothing to do: " << output;
  remount(0);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(call("DEL", "c1"), 0) << output;
}

TEST_F(HostLocalDisk, AFullDiskIsOneErrorAndNoChange) {
  mount("size=128k");
  ASSERT_EQ(call("ADD", "c1"), 0) << output;
  fill();
  const auto before = files();
  expect_failure("ADD", "c2", 5);
  EXPECT_EQ(files(), before);
  expect_failure("STATUS", "c2", 50);
  EXPECT_EQ(call("DEL", "c1"), 0) << output;
  fs::remove(dir / "filler");
  ASSERT_EQ(call("ADD", "c2"), 0) << output;
  EXPECT_THAT(output, HasSubstr("10.1.0.3/24"));
}

TEST_F(HostLocalDisk, AFileThatCannotBeMadeUndoesTheOthers) {
  unsigned failures = 0;
  for (int inodes = 2; inodes < 12; ++inodes) {
    mount("size=1m,nr_inodes=" + std::to_string(inodes));
    if (call("ADD", "c1") != 0) {
      ++failures;
      EXPECT_EQ(json::parse(output).at("code"), 5u) << output;
      EXPECT_EQ(reservations(), 0u) << inodes;
    }
    ASSERT_EQ(::umount2(dir.path().c_str(), MNT_DETACH), 0);
  }
  EXPECT_GE(failures, 5u) << "one for each file";
  EXPECT_LT(failures, 10u) << "the index is not needed";
}

// S12
TEST_F(HostLocalDisk, S12_DelSucceedsWithoutAnInodeForTheLock) {
  mount("size=1m,nr_inodes=2");
  fs::create_directory(dir / "net1");
  EXPECT_EQ(call("DEL", "c1"), 0) << output;
  EXPECT_EQ(call("ADD", "c1"), 1);
  EXPECT_EQ(call("DEL", "c1"), 0) << output;
}

TEST_F(HostLocalDisk, S12_DelFailsWithoutALockWhereThereIsSomethingToRelease) {
  mount("size=1m,nr_inodes=3");
  fs::create_directory(dir / "net1");
  std::ofstream(dir / "net1/10.1.0.2") << "c1\r\neth0";
  expect_failure("DEL", "c1", 5);
  EXPECT_EQ(call("DEL", "c2"), 0) << output;
}

/// STATUS succeeds exactly when ADD finds room.
TEST_F(HostLocalDisk, S12_StatusFailsWhenTheDiskHasNoRoomForOneAdd) {
  int ready = 0;
  for (int inodes = 2; inodes < 12; ++inodes) {
    mount("size=1m,nr_inodes=" + std::to_string(inodes));
    const int status = call("STATUS", "c1");
    EXPECT_EQ(status, call("ADD", "c1")) << inodes << " inodes: " << output;
    ready += status == 0 ? 1 : 0;
    ASSERT_EQ(::umount2(dir.path().c_str(), MNT_DETACH), 0);
  }
  EXPECT_GT(ready, 2);
  EXPECT_LT(ready, 9);
}

TEST_F(HostLocalDisk, S12_StatusCountsTheBlocksOfBothFamilies) {
  mount("size=128k");
  ASSERT_EQ(call("ADD", "c1"), 0) << output;
  fill();
  fs::resize_file(dir / "filler", fs::file_size(dir / "filler") - 4096);
  EXPECT_EQ(call("STATUS", "c2"), 1) << "one block is not enough for two families";
  EXPECT_EQ(call("ADD", "c2"), 1);
  fs::resize_file(dir / "filler", fs::file_size(dir / "filler") - 4096);
  EXPECT_EQ(call("STATUS", "c2"), 0) << output;
  EXPECT_EQ(call("ADD", "c2"), 0) << output;
}

}  // namespace
