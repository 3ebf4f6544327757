// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "libcni/runtime/errors.h"
#include "tests/support/runtime_world.h"

namespace runtime {
namespace {

using std::chrono::milliseconds;

class Locking : public test::RuntimeWorld {
 protected:
  Locking() { options.locking = true; }
  Lock network(Lock::Mode mode, int patience = 0) const {
    return Lock::network(options.cache_dir, "net1", mode, milliseconds(patience));
  }
  /// Runs `body` in `count` processes at once; returns the sum of the exit codes.
  template <typename Body>
  static int in_processes(int count, Body body) {
    std::vector<pid_t> children;
    for (int i = 0; i < count; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        int status = 1;
        try {
          body(i);
          status = 0;
        } catch (const std::exception& error) {
          std::fprintf(stderr, "%s\n", error.what());
        }
        ::_exit(status);
      }
      children.push_back(pid);
    }
    int failures = 0;
    for (const pid_t pid : children) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      failures += status != 0;
    }
    return failures;
  }
};

//
TEST_F(Locking, R137_SharedHoldersExcludeAnExclusiveOne) {
  {
    const Lock one = network(Lock::Mode::shared);
    const Lock two = network(Lock::Mode::shared);
    EXPECT_THROW(network(Lock::Mode::exclusive, 30), LockTimeout);
  }
  const Lock gc = network(Lock::Mode::exclusive);
  EXPECT_THROW(network(Lock::Mode::shared, 30), LockTimeout);
  const Lock other =
      Lock::network(options.cache_dir, "net2", Lock::Mode::exclusive, milliseconds(0));
}

//
TEST_F(Locking, R137_AWaiterGetsTheLockWhenItIsFree) {
  auto held = std::make_optional(network(Lock::Mode::exclusive));
  std::thread holder([&] {
    ::usleep(100'000);
    held.reset();
  });
  EXPECT_NO_THROW(network(Lock::Mode::shared, 10'000));
  holder.join();
}

// GC never runs on the network together with ADD or DEL.
TEST_F(Locking, R137_GcNeverOverlapsAddOrDelOfItsNetwork) {
  for (const std::string verb : {"ADD", "DEL", "GC"}) {
    rec.play("pa." + verb, "claim", verb == "GC" ? "exclusive" : "shared");
    rec.play("pa." + verb, "sleep", "20");
  }
  const auto list = net1("1.1.0", "pa");
  const int failures = in_processes(4, [&](int i) {
    RuntimeConf own{.container_id = "c" + std::to_string(i), .ifname = "eth0"};
    for (int round = 0; round < 3; ++round) {
      if (i == 0) {
        if (const auto report = cni().gc(list, std::nullopt); !report.failures.empty())
          throw std::runtime_error(report.error_text());
        continue;
      }
      cni().add(list, own);
      cni().del(list, own);
    }
  });
  EXPECT_EQ(failures, 0);
}

//
TEST_F(Locking, R150_OneOperationAtATimePerContainer) {
  rec.play("pa.ADD", "claim", "exclusive");
  rec.play("pa.ADD", "sleep", "50");
  const int failures = in_processes(4, [&](int i) {
    RuntimeConf own{.container_id = "c1", .ifname = "eth" + std::to_string(i)};
    cni().add(net1("1.0.0", "pa"), own);
  });
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(cni().cache().list("c1").size(), 4u);
}

// different containers do not wait for each other.
TEST_F(Locking, R150_DifferentContainersRunInParallel) {
  const Lock busy = Lock::container(options.cache_dir, "c1", milliseconds(0));
  options.lock_patience = milliseconds(50);
  EXPECT_THROW(cni().add(net1("1.0.0", "pa"), conf), LockTimeout);
  conf.container_id = "c2";
  EXPECT_NO_THROW(cni().add(net1("1.0.0", "pa"), conf));
}

TEST_F(Locking, RemovesAContainersLockFileWithTheLock) {
  { const Lock held = Lock::container(options.cache_dir, "c1", milliseconds(0)); }
  EXPECT_TRUE(std::filesystem::is_empty(options.cache_dir + "/locks"));
}

TEST_F(Locking, HashesNamesThatCannotBeFileNames) {
  EXPECT_NO_THROW(
      Lock::container(options.cache_dir, "../../" + std::string(300, 'x'), milliseconds(0)));
  EXPECT_NO_THROW(Lock::container(options.cache_dir, "", milliseconds(0)));
}

}  // namespace
}  // namespace runtime
