// SPDX-License-Identifier: Apache-2.0
// A process that is killed at any system call leaves a store that others can go on with.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "ipam/store/store.h"
#include "libcni/base/file.h"
#include "tests/support/temp_dir.h"

namespace ipam {
namespace {

namespace fs = std::filesystem;

base::IpAddress ip(const std::string& text) {
  return *base::IpAddress::parse(text);
}

/// Runs `body` in a child that is killed when it has crossed the kernel's border `crossings` times,
/// in or out. Returns whether that happened before the end.
bool killed_after(int crossings, const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL);
  while (crossings-- > 0 && WIFSTOPPED(status)) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
  }
  if (!WIFSTOPPED(status)) return false;
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return true;
}

class Crash : public testing::Test {
 protected:
  Store open() {
    Folder folder = Folder::ensure(dir.path(), "net");
    std::optional<Lock> lock = folder.lock(5);
    EXPECT_TRUE(lock);
    return Store(std::move(folder), std::move(*lock));
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir / "net"))
      found.insert(entry.path().filename());
    return found;
  }
  /// What the store says is what the folder holds, and no file is without an owner.
  void expect_consistent() {
    const auto files = Folder::find(dir.path(), "net")->scan();
    std::set<std::string> taken;
    for (const AddressFile& file : files) {
      EXPECT_FALSE(file.owner.empty()) << file.address.text();
      taken.insert(file.address.text());
    }
    Store store = open();
    for (int i = 1; i < 16; ++i) {
      const base::IpAddress address = ip("10.0.0.0").plus(i);
      EXPECT_EQ(store.is_taken(address), taken.contains(address.text())) << address.text();
    }
  }

  test::TempDir dir;
  const Owner c1{"c1", "eth0"};
  const Owner c2{"c2", "eth0"};
};

TEST_F(Crash, WhileReservingLeavesWholeReservationsOrNone) {
  open().reserve(c2, {ip("10.0.0.9"), ip("10.0.0.10")});
  int crossings = 1;
  while (killed_after(crossings, [&] { open().reserve(c1, {ip("10.0.0.2"), ip("10.0.0.3")}); })) {
    SCOPED_TRACE("killed after " + std::to_string(crossings) + " crossings");
    expect_consistent();
    open().release(c1);
    expect_consistent();
    const Owner next{"next", "eth0"};
    open().reserve(next, {ip("10.0.0.2"), ip("10.0.0.3")});
    EXPECT_EQ(names(), (std::set<std::string>{"10.0.0.10", "10.0.0.2", "10.0.0.3", "10.0.0.9",
                                              "last_reserved_ip.0", "last_reserved_ip.1", "lock"}));
    open().release(next);
    ASSERT_FALSE(HasFailure());
    ++crossings;
  }
  EXPECT_GT(crossings, 50) << "the child was not followed";
  EXPECT_EQ(open().release(c1), 2u);
}

TEST_F(Crash, WhileReleasingIsMadeGoodByTheNextRelease) {
  open().reserve(c2, {ip("10.0.0.9")});
  int crossings = 1;
  bool killed = true;
  while (killed) {
    SCOPED_TRACE("killed after " + std::to_string(crossings) + " crossings");
    open().reserve(c1, {ip("10.0.0.2"), ip("10.0.0.3")});
    killed = killed_after(crossings, [&] { open().release(c1); });
    expect_consistent();
    open().release(c1);
    expect_consistent();
    EXPECT_FALSE(fs::exists(dir / "net/10.0.0.2") || fs::exists(dir / "net/10.0.0.3"));
    ASSERT_FALSE(HasFailure());
    ++crossings;
  }
  EXPECT_GT(crossings, 50) << "the child was not followed";
}

TEST_F(Crash, WhileTheIndexIsWrittenForTheFirstTimeIsHarmless) {
  int crossings = 1;
  while (killed_after(crossings, [&] { open().reserve(c1, {ip("10.0.0.2")}); })) {
    SCOPED_TRACE("killed after " + std::to_string(crossings) + " crossings");
    fs::create_directories(dir / "net");
    expect_consistent();
    fs::remove_all(dir / "net");
    fs::remove(dir / ".plumb-net");
    ASSERT_FALSE(HasFailure());
    ++crossings;
  }
  EXPECT_GT(crossings, 50) << "the child was not followed";
}

/// The kernel's clock for file times ticks every few milliseconds: others' changes within one tick
/// must not pass for ours.
TEST_F(Crash, ChangesWithinOneTickOfTheClockAreSeen) {
  for (int i = 1; i <= 500; ++i) {
    const base::IpAddress address = ip("10.1.0.0").plus(i);
    open().reserve(c1, {address});
    fs::remove(dir / ("net/" + address.text()));
    ASSERT_FALSE(open().is_taken(address)) << i;
  }
}

}  // namespace
}  // namespace ipam
