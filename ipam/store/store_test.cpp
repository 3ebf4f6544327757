// SPDX-License-Identifier: Apache-2.0
#include "ipam/store/store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "tests/support/store_fixture.h"

namespace ipam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(StoreTest, S262_WritesTheReferencesFiles) {
  ::umask(022);
  open().reserve(c1, {ip("10.0.0.2"), ip("fd00:0:0::2")});
  EXPECT_THAT(names(), UnorderedElementsAre("10.0.0.2", "fd00::2", "last_reserved_ip.0",
                                            "last_reserved_ip.1", "lock"));
  EXPECT_EQ(base::read_file(path("10.0.0.2")), "c1\r\neth0");
  EXPECT_EQ(base::read_file(path("fd00::2")), "c1\r\neth0");
  EXPECT_EQ(base::read_file(path("last_reserved_ip.0")), "10.0.0.2");
  EXPECT_EQ(base::read_file(path("last_reserved_ip.1")), "fd00::2");
  EXPECT_EQ(base::read_file(path("lock")), "");
}

TEST_F(StoreTest, S261_GivesFilesTheReferencesModes) {
  ::umask(022);
  open().reserve(c1, {ip("10.0.0.2")});
  const auto mode = [](const std::string& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 07777;
  };
  EXPECT_EQ(mode(dir / "net"), 0755u);
  EXPECT_EQ(mode(path("lock")), 0750u);
  EXPECT_EQ(mode(path("10.0.0.2")), 0600u);
  EXPECT_EQ(mode(path("last_reserved_ip.0")), 0600u);
  EXPECT_EQ(mode(dir / ".plumb-net"), 0600u);
}

TEST_F(StoreTest, MovesTheCursorToLongerAndShorterAddresses) {
  for (const char* text : {"10.0.0.254", "10.0.0.2", "10.0.0.10"}) {
    open().reserve(c1, {ip(text)});
    EXPECT_EQ(base::read_file(path("last_reserved_ip.0")), text);
    EXPECT_EQ(open().last_reserved(0), ip(text));
  }
}

TEST_F(StoreTest, HasNoCursorWhenTheFileIsNotAnAddress) {
  EXPECT_EQ(open().last_reserved(0), std::nullopt);
  put("last_reserved_ip.0", "10.0.0.3\n");
  EXPECT_EQ(open().last_reserved(0), std::nullopt) << "the reference takes no white space";
  put("last_reserved_ip.0", "");
  EXPECT_EQ(open().last_reserved(0), std::nullopt);
}

TEST_F(StoreTest, ReleasesExactlyTheOwnersAddresses) {
  open().reserve(c1, {ip("10.0.0.2"), ip("fd00::2")});
  open().reserve({"c1", "eth1"}, {ip("10.0.0.3")});
  open().reserve(c2, {ip("10.0.0.4")});
  EXPECT_EQ(open().release(c1), 2u);
  EXPECT_THAT(names(), testing::IsSupersetOf({"10.0.0.3", "10.0.0.4"}));
  EXPECT_FALSE(fs::exists(path("10.0.0.2")));
  EXPECT_FALSE(fs::exists(path("fd00::2")));
  EXPECT_EQ(open().release(c1), 0u);
}

TEST_F(StoreTest, ReleasesOldFilesByContainerIdOnlyWhenThereIsNoNewOne) {
  put("10.0.0.2", "c1");
  put("10.0.0.3", "c1\r\neth0");
  put("10.0.0.4", " c1\n");
  EXPECT_EQ(open().release(c1), 1u);
  EXPECT_FALSE(fs::exists(path("10.0.0.3")));
  EXPECT_EQ(open().release(c1), 2u);
  EXPECT_FALSE(open().is_taken(ip("10.0.0.2")));
}

TEST_F(StoreTest, KeepsLongContainerIds) {
  const Owner owner{std::string(300, 'a'), "eth0"};
  const Owner longer{std::string(9000, 'a'), "eth0"};
  open().reserve(owner, {ip("10.0.0.2")});
  open().reserve(longer, {ip("10.0.0.3")});
  EXPECT_THAT(exact(owner), ElementsAre("10.0.0.2"));
  EXPECT_THAT(exact(longer), ElementsAre("10.0.0.3"));
}

TEST_F(StoreTest, AnswersFromTheIndexWhileNoOtherProgramChangesTheFolder) {
  open().reserve(c1, {ip("10.0.0.2")});
  Store store = open();
  EXPECT_THAT(texts(store.find_owned(c1).exact), ElementsAre("10.0.0.2"));
  EXPECT_TRUE(store.is_taken(ip("10.0.0.2")));
  EXPECT_FALSE(store.is_taken(ip("10.0.0.3")));
  EXPECT_FALSE(store.scanned());
}

TEST_F(StoreTest, SeesFilesThatAnotherProgramAdded) {
  open().reserve(c1, {ip("10.0.0.2")});
  put("10.0.0.3", "c2\r\neth0");
  Store store = open();
  EXPECT_TRUE(store.is_taken(ip("10.0.0.3")));
  EXPECT_TRUE(store.scanned());
  EXPECT_THAT(texts(store.find_owned(c2).exact), ElementsAre("10.0.0.3"));
}

TEST_F(StoreTest, SeesThatAnotherProgramRemovedFiles) {
  open().reserve(c1, {ip("10.0.0.2")});
  fs::remove(path("10.0.0.2"));
  EXPECT_FALSE(open().is_taken(ip("10.0.0.2")));
  EXPECT_THAT(exact(c1), IsEmpty());
}

TEST_F(StoreTest, SeesAChangeAlthoughABackupPutTheModificationTimeBack) {
  open().reserve(c1, {ip("10.0.0.2")});
  struct stat before {};
  ASSERT_EQ(::stat((dir / "net").c_str(), &before), 0);
  put("10.0.0.3", "c2\r\neth0");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir / "net").c_str(), times, 0), 0);
  EXPECT_TRUE(open().is_taken(ip("10.0.0.3")));
}

TEST_F(StoreTest, PrefersTheFileOverTheIndex) {
  open().reserve(c1, {ip("10.0.0.2")});
  put("10.0.0.2", "c2\r\neth0");  // in place: the folder's time stays
  Store store = open();
  EXPECT_THAT(store.find_owned(c1).exact, IsEmpty());
  EXPECT_TRUE(store.scanned()) << "R5: what contradicts one hint may contradict others";
}

/// Each way to spoil the index file.
class SpoiltIndex : public StoreTest, public testing::WithParamInterface<int> {
 protected:
  std::string index() const { return dir / ".plumb-net"; }
  void spoil() const {
    std::string content = base::read_file(index());
    switch (GetParam()) {
      case 0:
        fs::remove(index());
        return;
      case 1:
        fs::resize_file(index(), 0);
        return;
      case 2:
        fs::resize_file(index(), 112);  // the header alone
        return;
      case 3:
        fs::resize_file(index(), content.size() / 2);
        return;
      case 4:
        std::fill(content.begin() + 112, content.end(), '\xff');  // numbers beyond the end
        break;
      case 5:
        std::fill(content.begin() + 112, content.end(), '\1');
        break;
      case 6:
        fs::remove(index());
        fs::create_symlink(dir / "elsewhere", index());
        std::ofstream(dir / "elsewhere") << content;
        return;
      case 7:
        fs::remove(index());
        fs::create_directory(index());
        return;
    }
    std::ofstream(index(), std::ios::binary) << content;
  }
};

TEST_P(SpoiltIndex, IsReplacedByAScan) {
  open().reserve(c1, {ip("10.0.0.2")});
  open().reserve(c2, {ip("10.0.0.3")});
  spoil();
  EXPECT_TRUE(open().is_taken(ip("10.0.0.2")));
  EXPECT_THAT(exact(c2), ElementsAre("10.0.0.3"));
  open().reserve({"c3", "eth0"}, {ip("10.0.0.4")});
  EXPECT_EQ(open().release(c1), 1u);
  EXPECT_EQ(open().release(c2), 1u);
  EXPECT_THAT(exact({"c3", "eth0"}), ElementsAre("10.0.0.4"));
  EXPECT_EQ(fs::exists(dir / "elsewhere"), GetParam() == 6) << "a link's target stays";
}

INSTANTIATE_TEST_SUITE_P(Ways, SpoiltIndex, testing::Range(0, 8));

TEST_F(StoreTest, ReclaimsFilesWhoseWriterDied) {
  put("10.0.0.2", "");
  put("10.0.0.3", std::string("\0\0\0\0", 4));  // as XFS leaves them after a power cut
  EXPECT_FALSE(open().is_taken(ip("10.0.0.2")));
  open().reserve(c1, {ip("10.0.0.2")});
  open().reserve(c2, {ip("10.0.0.3")});
  EXPECT_EQ(base::read_file(path("10.0.0.2")), "c1\r\neth0");
  EXPECT_EQ(base::read_file(path("10.0.0.3")), "c2\r\neth0");
}

TEST_F(StoreTest, LeavesFilesOfUnknownContentAlone) {
  put("10.0.0.2", "garbage");
  EXPECT_TRUE(open().is_taken(ip("10.0.0.2")));
  EXPECT_EQ(open().release(c1), 0u);
  EXPECT_TRUE(fs::exists(path("10.0.0.2")));
}

TEST_F(StoreTest, RemovesTheTemporaryFileOfAKilledProcess) {
  put(".plumb-new", "c9\r\neth0");
  open().reserve(c1, {ip("10.0.0.2")});
  EXPECT_FALSE(fs::exists(path(".plumb-new")));
  EXPECT_EQ(base::read_file(path("10.0.0.2")), "c1\r\neth0");
}

TEST_F(StoreTest, S263_NeitherFollowsNorOverwritesLinks) {
  const std::string target = dir.file("target", "precious");
  put("10.0.0.9", "c9\r\neth0");
  fs::create_symlink(target, path("10.0.0.2"));
  EXPECT_TRUE(open().is_taken(ip("10.0.0.2")));
  EXPECT_THROW(open().reserve(c1, {ip("10.0.0.2")}), std::system_error);
  fs::create_symlink(target, path(".plumb-new"));
  open().reserve(c1, {ip("10.0.0.3")});
  fs::remove(path("last_reserved_ip.0"));
  fs::create_symlink(target, path("last_reserved_ip.0"));
  EXPECT_THROW(open().reserve(c2, {ip("10.0.0.4")}), std::system_error);
  fs::remove(path("last_reserved_ip.0"));
  fs::create_hard_link(target, path("last_reserved_ip.0"));
  EXPECT_THROW(open().reserve(c2, {ip("10.0.0.4")}), std::system_error);
  EXPECT_FALSE(fs::exists(path("10.0.0.4")));
  EXPECT_EQ(base::read_file(target), "precious");
}

TEST_F(StoreTest, S263_RefusesALockOrAFolderThatIsALink) {
  put("10.0.0.9", "c9\r\neth0");
  fs::create_symlink("10.0.0.9", path("lock"));
  EXPECT_THROW(open(), std::system_error);
  fs::create_directory_symlink("net", dir / "other");
  EXPECT_THROW(Folder::find(dir.path(), "other"), std::system_error);
}

TEST_F(StoreTest, FollowsADataDirThatIsALink) {
  open().reserve(c1, {ip("10.0.0.2")});
  test::TempDir elsewhere;
  fs::create_directory_symlink(dir.path(), elsewhere / "link");
  const auto folder = Folder::find(elsewhere / "link", "net");
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->find_file("10.0.0.2"), "c1\r\neth0");
}

TEST_F(StoreTest, IsNotBlockedByAFifo) {
  put("10.0.0.9", "c9\r\neth0");
  ASSERT_EQ(::mkfifo(path("10.0.0.2").c_str(), 0600), 0);
  EXPECT_TRUE(open().is_taken(ip("10.0.0.2")));
}

/// A file that even root cannot remove, while this lives.
class Immutable {
 public:
  explicit Immutable(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    works_ = set(FS_IMMUTABLE_FL);
  }
  ~Immutable() { set(0); }
  bool works() const { return works_; }

 private:
  bool set(int flags) const { return ::ioctl(fd_.get(), FS_IOC_SETFLAGS, &flags) == 0; }
  base::UniqueFd fd_;
  bool works_ = false;
};

TEST_F(StoreTest, S197_ReleasesAllItCanAndNamesTheRest) {
  open().reserve(c1, {ip("10.0.0.2"), ip("10.0.0.3"), ip("10.0.0.4")});
  put("10.0.0.5", "c1\r\neth0");
  const auto all = scan();
  fs::remove(path("10.0.0.5"));
  fs::create_directory(path("10.0.0.5"));
  const Immutable first(path("10.0.0.2"));
  const Immutable second(path("10.0.0.4"));
  if (!first.works() || !second.works()) GTEST_SKIP() << "no immutable files on " << dir.path();
  try {
    open().release_unchanged(all);
    FAIL();
  } catch (const std::system_error& error) {
    for (const char* name : {"10.0.0.2", "10.0.0.4", "10.0.0.5"})
      EXPECT_THAT(error.what(), testing::HasSubstr(path(name)));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr(path("10.0.0.3"))));
  }
  EXPECT_FALSE(fs::exists(path("10.0.0.3")));
  EXPECT_THROW(open().release(c1), std::system_error);
  EXPECT_THAT(exact(c1), UnorderedElementsAre("10.0.0.2", "10.0.0.4"));
}

TEST_F(StoreTest, S203_ReleasesOnlyUnchangedFiles) {
  put("10.0.0.2", "c1\r\neth0");
  put("10.0.0.3", "c1\r\neth0");
  const auto seen = scan();
  put("10.0.0.3", "c2\r\neth0");
  EXPECT_EQ(open().release_unchanged(seen), 1u);
  EXPECT_TRUE(fs::exists(path("10.0.0.3")));
}

TEST_F(StoreTest, S157_WaitsForTheLockOnlySoLong) {
  Store holder = open();
  EXPECT_FALSE(Folder::ensure(dir.path(), "net").lock(0));
}

TEST_F(StoreTest, GrowsBeyondTheIndexItBeganWith) {
  unsigned scans = 0;
  for (int i = 1; i <= 700; ++i) {
    Store store = open();
    store.reserve({"c" + std::to_string(i), "eth0"}, {ip("10.0.0.0").plus(i)});
    scans += store.scanned() ? 1 : 0;
  }
  EXPECT_LT(scans, 6u) << "one for each size";
  for (int i = 1; i <= 700; i += 2)
    EXPECT_EQ(open().release({"c" + std::to_string(i), "eth0"}), 1u) << i;
  Store store = open();
  for (int i = 1; i <= 700; ++i) EXPECT_EQ(store.is_taken(ip("10.0.0.0").plus(i)), i % 2 == 0) << i;
  EXPECT_FALSE(store.scanned());
}

TEST_F(StoreTest, ReusesTheEntriesOfReleasedAddresses) {
  for (int i = 1; i <= 1000; ++i) {
    Store store = open();
    store.reserve(c1, {ip("10.0.0.0").plus(i)});
    ASSERT_EQ(store.release(c1), 1u);
    ASSERT_EQ(store.scanned(), i == 1) << i;
  }
}

}  // namespace
}  // namespace ipam
