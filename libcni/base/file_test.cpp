// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/interrupt.h"
#include "tests/support/temp_dir.h"

namespace base {
namespace {

using testing::HasSubstr;

int errno_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST(File, ReadsAWholeFileOfAnySize) {
  const test::TempDir folder;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{16384}, std::size_t{100'000}})
    EXPECT_EQ(read_file(folder.file("f", std::string(size, 'x'))).size(), size);
}

TEST(File, AMissingFileIsNothingOrAnErrorNamingIt) {
  EXPECT_EQ(find_file("/nonexistent"), std::nullopt);
  EXPECT_EQ(errno_of([] { read_file("/nonexistent"); }), ENOENT);
  EXPECT_EQ(errno_of([] { find_file("/"); }), EISDIR);
}

TEST(File, S11_RefusesAFileThatIsLargerThanItsBound) {
  const test::TempDir folder;
  const std::string path = folder.file("f", std::string(1000, 'x'));
  EXPECT_EQ(read_file(path, 1000).size(), 1000u);
  EXPECT_EQ(errno_of([&] { read_file(path, 999); }), EFBIG);
  const std::string sparse = folder.file("sparse", "");
  ASSERT_EQ(::truncate(sparse.c_str(), 1l << 30), 0);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(errno_of([&] { find_file(sparse); }), EFBIG);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(File, S11_NeverWaitsForAFifoOrReadsADevice) {
  const test::TempDir folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", folder / "link");
  for (const std::string& path : {folder / "fifo", folder / "link", std::string("/dev/zero")}) {
    EXPECT_EQ(errno_of([&] { find_file(path); }), EINVAL) << path;
    EXPECT_EQ(errno_of([&] { read_file(path); }), EINVAL) << path;
  }
}

TEST(File, ReadsFilesOfProc) {
  EXPECT_FALSE(read_file("/proc/self/stat").empty());
}

TEST(File, S046_ReadsFromAPipeInPieces) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  std::thread writer([fd = UniqueFd(ends[1])] {
    for (const char c : std::string(100, 'x')) {
      EXPECT_EQ(::write(fd.get(), &c, 1), 1);
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(read_all(reader.get(), "a pipe"), std::string(100, 'x'));
  writer.join();
}

TEST(File, S261_ReplacesAtomicallyWithMode) {
  const test::TempDir folder;
  const std::string path = folder.file("f", "old", 0644);
  struct stat before {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  write_file_atomic(path, "new", 0600);
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_NE(before.st_ino, after.st_ino) << "written in place: a reader could see a part";
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++files;
  EXPECT_EQ(files, 1u) << "a temporary file was left";
}

TEST(File, AFailedReplacementLeavesNothing) {
  const test::TempDir folder;
  base::ensure_directory(folder / "d/sub", 0755);
  EXPECT_NE(errno_of([&] { write_file_atomic(folder / "d", "x", 0600); }), 0);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++files;
  EXPECT_EQ(files, 1u);
  EXPECT_EQ(errno_of([&] { write_file_atomic(folder / "none/f", "x", 0600); }), ENOENT);
}

TEST(File, WriteReportsAFullDisk) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  EXPECT_EQ(errno_of([&] { write_all(full.get(), "x", "/dev/full"); }), ENOSPC);
}

TEST(File, MakesFoldersWithTheirParents) {
  const test::TempDir folder;
  ensure_directory(folder / "a/b/c", 0700);
  EXPECT_EQ(mode_of(folder / "a"), 0700u);
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0700u);
  ensure_directory(folder / "a/b/c", 0755);  // there already
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0700u);
  folder.file("file", "");
  EXPECT_EQ(errno_of([&] { ensure_directory(folder / "file", 0700); }), EEXIST);
  EXPECT_EQ(errno_of([&] { ensure_directory(folder / "file/x", 0700); }), ENOTDIR);
}

TEST(File, RemovingReturnsWhetherTheFileExisted) {
  const test::TempDir folder;
  const std::string path = folder.file("f", "");
  EXPECT_TRUE(remove_file(path));
  EXPECT_FALSE(remove_file(path));
  EXPECT_NE(errno_of([&] { remove_file(folder.path()); }), 0);
}

// The kernel's own time would lie before the call in most of these.
TEST(File, AWrittenFileIsNotOlderThanTheCall) {
  const test::TempDir dir;
  for (int i = 0; i < 100; ++i) {
    const auto before = std::chrono::system_clock::now();
    write_file_atomic(dir / "file", "x", 0600);
    struct stat status {};
    ASSERT_EQ(::stat((dir / "file").c_str(), &status), 0);
    EXPECT_GE(written_at(status), before);
  }
}

class Lock : public testing::Test {
 protected:
  UniqueFd open() const { return UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)); }
  test::TempDir folder_;
  std::string path_ = folder_.file("lock", "");
  UniqueFd mine_ = open();
  UniqueFd theirs_ = open();
};

TEST(File, AStatusThatCannotBeReadIsNotAFileThatIsGone) {
  const test::TempDir dir;
  write_file_atomic(dir / "file", "text", 0600);
  const UniqueFd folder(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(find_status(folder.get(), "file", dir.path()));
  EXPECT_EQ(find_status(folder.get(), "file", dir.path())->st_size, 4);
  EXPECT_FALSE(find_status(folder.get(), "other", dir.path()));
  EXPECT_EQ(errno_of([] { find_status(-1, "file", "/folder"); }), EBADF);
}

TEST_F(Lock, IsGrantedAtOnceWhenFree) {
  EXPECT_TRUE(lock_exclusive(mine_.get(), 0));
}

// S-157 R-137
TEST_F(Lock, S157_WaitingEndsAtItsLimit) {
  ASSERT_TRUE(lock_exclusive(theirs_.get(), 0));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(lock_exclusive(mine_.get(), 1));
  const auto waited = std::chrono::steady_clock::now() - start;
  EXPECT_GE(waited, std::chrono::milliseconds(900));
  EXPECT_LT(waited, std::chrono::seconds(3));
}

TEST_F(Lock, IsGrantedAsSoonAsTheHolderReleasesIt) {
  ASSERT_TRUE(lock_exclusive(theirs_.get(), 0));
  std::thread holder([this] {
    ::poll(nullptr, 0, 200);
    theirs_ = UniqueFd();
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(lock_exclusive(mine_.get(), 10));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(3));
  holder.join();
}

// S-092
TEST_F(Lock, S092_ATerminationSignalEndsTheWait) {
  ASSERT_TRUE(lock_exclusive(theirs_.get(), 0));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    theirs_ = UniqueFd();
    catch_termination_signals();
    ::kill(::getpid(), SIGTERM);
    ::_exit(errno_of([this] { lock_exclusive(open().get(), 30); }) == EINTR ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace base
