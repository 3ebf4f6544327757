// SPDX-License-Identifier: Apache-2.0
// The behaviour of the store at each system call: a process that is killed there leaves a store
// that others can go on with, and there are not more of them with more reservations.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
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

/// A child that runs `body` and stops at each crossing of the kernel's border, in and out.
class TracedChild {
 public:
  explicit TracedChild(const std::function<void()>& body) : pid_(::fork()) {
    if (pid_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      body();
      ::_exit(0);
    }
    wait();
    ::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_EXITKILL);
  }
  TracedChild(const TracedChild&) = delete;
  TracedChild& operator=(const TracedChild&) = delete;
  ~TracedChild() {
    if (!alive()) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  bool alive() const { return WIFSTOPPED(status_); }
  /// Lets it run to the next crossing, or its end.
  void cross() {
    ::ptrace(PTRACE_SYSCALL, pid_, nullptr, nullptr);
    wait();
  }

 private:
  void wait() { ::waitpid(pid_, &status_, 0); }
  pid_t pid_;
  int status_ = 0;
};

/// Kills a child that runs `body` after so many crossings; false when it came to its end before.
bool killed_after(int crossings, const std::function<void()>& body) {
  TracedChild child(body);
  while (crossings-- > 0 && child.alive()) child.cross();
  return child.alive();
}

int count_crossings(const std::function<void()>& body) {
  TracedChild child(body);
  int crossings = 0;
  for (; child.alive(); ++crossings) child.cross();
  return crossings;
}

class StoreSyscalls : public testing::Test {
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
  std::vector<AddressFile> scan() const {
    std::vector<AddressFile> files;
    Folder::find(dir.path(), "net")->scan([&](AddressFile file) { files.push_back(file); });
    return files;
  }
  /// The store reports exactly what the folder holds, and every file has an owner.
  void expect_consistent() {
    const auto files = scan();
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

TEST_F(StoreSyscalls, KilledWhileReservingLeavesWholeReservationsOrNone) {
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

TEST_F(StoreSyscalls, KilledWhileReleasingIsMadeGoodByTheNextRelease) {
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

TEST_F(StoreSyscalls, KilledWhileTheIndexIsWrittenForTheFirstTimeIsHarmless) {
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
TEST_F(StoreSyscalls, ChangesWithinOneTickOfTheClockAreSeen) {
  for (int i = 1; i <= 500; ++i) {
    const base::IpAddress address = ip("10.1.0.0").plus(i);
    open().reserve(c1, {address});
    fs::remove(dir / ("net/" + address.text()));
    ASSERT_FALSE(open().is_taken(address)) << i;
  }
}

/// Calls made by a whole ADD, and a whole DEL, once an index is there.
struct Cost {
  int reserve = 0;
  int release = 0;
};

TEST_F(StoreSyscalls, AreAsManyWithFiftyThousandReservationsAsWithNone) {
  const auto measure = [&] {
    const auto reserve = [&] {
      Store store = open();
      store.find_owned(c1);
      store.reserve(c1, {ip("10.200.0.2")});
    };
    Cost cost;
    cost.reserve = count_crossings(reserve);
    cost.release = count_crossings([&] { open().release(c1); });
    return cost;
  };
  open().reserve(c2, {ip("10.200.0.9")});
  const Cost empty = measure();
  for (int i = 1; i <= 50'000; ++i) {
    const std::string name = ip("10.0.0.0").plus(i).text();
    std::ofstream(dir / ("net/" + name)) << "pod" << i << "\r\neth0";
  }
  open().reserve({"c3", "eth0"}, {ip("10.200.0.3")});  // another process was here: one scan
  const Cost full = measure();
  EXPECT_GT(empty.reserve, 50);
  EXPECT_LE(full.reserve, empty.reserve + 16) << "some more where hash chains meet";
  EXPECT_LE(full.release, empty.release + 16);

  const int walk = count_crossings([&] {
    Store store = open();
    for (int i = 1; i <= 50'000; ++i)
      if (!store.is_taken(ip("10.0.0.0").plus(i))) ::abort();
  });
  EXPECT_LE(walk, 1000) << "a walk along taken addresses asks the kernel no more";
}

}  // namespace
}  // namespace ipam
