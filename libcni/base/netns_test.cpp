// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/netns.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace base {
namespace {

int errno_of_opening(const std::string& path) {
  try {
    Netns::open(path);
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

TEST(Netns, CreateLeavesTheCallerInItsNamespace) {
  const Netns home = Netns::current();
  const Netns created = Netns::create();
  EXPECT_FALSE(created == home);
  EXPECT_TRUE(Netns::current() == home);
}

TEST(Netns, RunReturnsToTheCallersNamespaceWhenTheBodyThrows) {
  const Netns home = Netns::current();
  const Netns created = Netns::create();
  bool inside = false;
  EXPECT_THROW(created.run([&] {
    inside = Netns::current() == created;
    throw std::runtime_error("x");
  }),
               std::runtime_error);
  EXPECT_TRUE(inside);
  EXPECT_TRUE(Netns::current() == home);
}

TEST(Netns, RunReturnsToTheNamespaceThatWasCurrent) {
  const Netns home = Netns::current();
  Netns created = Netns::create();
  EXPECT_FALSE(created.is_current());
  const Netns copy = created.duplicate();
  for (const Netns* each : {&std::as_const(created), &copy}) {
    each->run([&] { EXPECT_TRUE(Netns::current() == created); });
    EXPECT_TRUE(Netns::current() == home);
  }
  Netns own = Netns::current();
  EXPECT_TRUE(own.is_current());
}

// S-036 S-038
TEST(Netns, S036_OpensEveryKindOfPath) {
  const Netns created = Netns::create();
  const test::TempDir folder;
  const std::string by_fd = "/proc/self/fd/" + std::to_string(created.fd());
  const std::string link = folder / "link";
  std::filesystem::create_symlink(by_fd, link);
  EXPECT_TRUE(Netns::open(by_fd) == created);
  EXPECT_TRUE(Netns::open(link) == created);
  const std::string self = "/proc/" + std::to_string(::getpid());
  EXPECT_TRUE(Netns::open(self + "/ns/net") == Netns::current());
  EXPECT_TRUE(Netns::open(self + "/task/" + std::to_string(::getpid()) + "/ns/net") ==
              Netns::current());
}

// S-038 S-043
TEST(Netns, S043_FindsNothingForAFileThatIsNotANamespace) {
  const test::TempDir folder;
  EXPECT_EQ(errno_of_opening("/nonexistent"), ENOENT);
  EXPECT_EQ(errno_of_opening(folder.file("stale", "")), EINVAL);
  EXPECT_EQ(errno_of_opening("/proc/self/ns/mnt"), EINVAL);
  EXPECT_FALSE(Netns::find(""));
  EXPECT_FALSE(Netns::find("/nonexistent"));
  EXPECT_FALSE(Netns::find(folder / "stale"));
  EXPECT_FALSE(Netns::find("/proc/self/ns/mnt"));
}

// S15
TEST(Netns, S15_FindThrowsWhenAPathCannotBeOpened) {
  const Netns created = Netns::create();
  const std::string path = "/proc/self/fd/" + std::to_string(created.fd());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  int errnum = 0;
  bool looked = false;
  try {
    Netns::find(path);
    looked = true;
  } catch (const std::exception&) {
    errnum = errno;  // UBSan needs a descriptor to look at the exception itself
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(looked);
  EXPECT_EQ(errnum, EMFILE);
  EXPECT_TRUE(Netns::find(path));
}

// S15
TEST(Netns, S15_FindsNothingWhereAnotherObjectIsInThePlaceOfTheNamespace) {
  const test::TempDir folder;
  const std::string file = folder.file("file", "");
  EXPECT_FALSE(Netns::find(file + "/below"));  // ENOTDIR
  ASSERT_EQ(::mknod((folder / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_FALSE(Netns::find(folder / "socket"));  // ENXIO
  EXPECT_FALSE(Netns::find("/proc/self/ns/uts"));
}

}  // namespace
}  // namespace base
