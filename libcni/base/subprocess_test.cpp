// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/base/interrupt.h"
#include "libcni/base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class Subprocess : public testing::Test {
 protected:
  Outcome sh(const std::string& script, std::string_view input = {}) {
    Command command;
    command.path = "/bin/sh";
    command.argv = {"sh", "-c", script};
    command.environment = {"PATH=/usr/bin:/bin", "GREETING=hello"};
    command.input = input;
    command.timeout = timeout;
    command.on_stderr = [this](std::string_view text) { errors += text; };
    command.die_with_parent = die_with_parent;
    started = std::chrono::steady_clock::now();
    return run(command);
  }
  auto elapsed() const { return std::chrono::steady_clock::now() - started; }

  std::optional<milliseconds> timeout = seconds(20);
  bool die_with_parent = true;
  std::string errors;
  std::chrono::steady_clock::time_point started;
};

TEST_F(Subprocess, PassesInputEnvironmentAndReportsExitCode) {
  const auto outcome = sh("cat; echo \"$GREETING\"; echo oops >&2; exit 3", "in:");
  EXPECT_EQ(outcome.output, "in:hello\n");
  EXPECT_EQ(errors, "oops\n");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_EQ(outcome.signal, 0);
  EXPECT_FALSE(outcome.ok());
}

// neither direction may block the other.
TEST_F(Subprocess, R067_CarriesMegabytesEachWay) {
  const std::string input(3 << 20, 'x');
  const auto outcome = sh("head -c 1048576 /dev/zero >&2; cat", input);
  EXPECT_EQ(outcome.output, input);
  EXPECT_EQ(errors.size(), 1u << 20);
}

TEST_F(Subprocess, SucceedsWhenTheChildIgnoresItsInput) {
  const auto outcome = sh("exit 0", std::string(1 << 20, 'x'));
  EXPECT_TRUE(outcome.ok());
}

// S-239
TEST_F(Subprocess, S239_ReportsTheSignalThatKilledIt) {
  const auto outcome = sh("kill -SEGV $$");
  EXPECT_EQ(outcome.signal, SIGSEGV);
  EXPECT_EQ(outcome.exit_code, -1);
}

// S-093
TEST_F(Subprocess, S093_InheritsNoDescriptorButStdio) {
  const UniqueFd leak(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC on purpose
  ASSERT_TRUE(leak);
  // ls itself opens the folder as 3.
  EXPECT_EQ(sh("ls /proc/self/fd").output, "0\n1\n2\n3\n");
}

//
TEST_F(Subprocess, R074_StartsWithDefaultSignalsAndAGroupOfItsOwn) {
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  const auto outcome = sh(
      "grep -E '^Sig(Blk|Ign)' /proc/self/status; ps -o pgid= -p $$ | tr -d ' '; echo $$; umask");
  ::signal(SIGPIPE, before);
  int pgid = 0;
  int pid = 1;
  EXPECT_THAT(outcome.output, HasSubstr("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"));
  const auto rest = outcome.output.substr(outcome.output.rfind("0000\n") + 5);
  ASSERT_EQ(std::sscanf(rest.c_str(), "%d\n%d\n", &pgid, &pid), 2) << outcome.output;
  EXPECT_EQ(pgid, pid);
  EXPECT_THAT(outcome.output, HasSubstr("\n0022\n"));
}

TEST_F(Subprocess, AMissingProgramIsAnErrorNamingIt) {
  Command command;
  command.path = "/nonexistent/plugin";
  try {
    run(command);
    FAIL() << "no error";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), ENOENT);
    EXPECT_THAT(e.what(), HasSubstr("/nonexistent/plugin"));
  }
}

//
TEST_F(Subprocess, R071_ReturnsAtTheDeadlineThoughAGrandchildHoldsThePipes) {
  timeout = milliseconds(300);
  const auto outcome = sh("sleep 60 & sleep 60");
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_LT(elapsed(), seconds(3));
}

TEST_F(Subprocess, R071_KillsTheWholeGroupAtTheDeadline) {
  timeout = milliseconds(300);
  const test::TempDir folder;
  const auto outcome =
      sh("trap '' TERM; sh -c \"trap '' TERM; echo \\$\\$; exec sleep 60\" & wait");
  ASSERT_TRUE(outcome.timed_out);
  const pid_t grandchild = std::stoi(outcome.output);
  // This process cannot reap the grandchild: it must be a zombie or gone as soon as a processor is
  // free to run it.
  const auto is_dead = [&] {
    const auto status = find_file("/proc/" + std::to_string(grandchild) + "/stat");
    return !status || status->find(") Z ") != std::string::npos;
  };
  for (int i = 0; i < 500 && !is_dead(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(is_dead());
}

TEST_F(Subprocess, ReturnsWhileADaemonOfTheChildIsLeft) {
  timeout.reset();
  const auto outcome = sh("sleep 30 & echo $!");
  EXPECT_TRUE(outcome.ok());
  EXPECT_LT(elapsed(), seconds(10));
  EXPECT_EQ(::kill(std::stoi(outcome.output), SIGKILL), 0) << "a daemon must survive its starter";
}

TEST_F(Subprocess, WaitsForAChildThatHasClosedItsOutput) {
  const auto outcome = sh("exec >&- 2>&-; sleep 0.2; exit 7");
  EXPECT_EQ(outcome.exit_code, 7);
}

//
TEST_F(Subprocess, R069_WaitsForAnExecutableThatIsBeingWritten) {
  const test::TempDir folder;
  const std::string path = folder / "program";
  write_file_atomic(path, read_file("/bin/true"), 0755);
  UniqueFd writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  std::thread closer([&writer] {
    ::poll(nullptr, 0, 300);
    writer = UniqueFd();
  });
  Command command;
  command.path = path;
  const auto outcome = run(command);
  closer.join();
  EXPECT_TRUE(outcome.ok());
}

// S-240: the delegate must not outlive a plugin that was asked to stop.
TEST_F(Subprocess, S240_OurTerminationEndsTheGroupAndThrowsEintr) {
  const test::TempDir folder;
  const std::string marker = folder / "pid";
  const pid_t plugin = ::fork();
  ASSERT_GE(plugin, 0);
  if (plugin == 0) {
    catch_termination_signals();
    timeout.reset();
    try {
      sh("echo $$ > " + marker + ".new; mv " + marker + ".new " + marker + "; exec sleep 60");
    } catch (const std::system_error& e) {
      ::_exit(e.code().value() == EINTR ? 11 : 1);
    }
    ::_exit(0);
  }
  std::optional<std::string> delegate;
  for (int i = 0; i < 500 && !delegate; ++i) {
    ::poll(nullptr, 0, 10);
    delegate = find_file(marker);
  }
  ASSERT_TRUE(delegate);
  ::kill(plugin, SIGTERM);
  int status = 0;
  ::waitpid(plugin, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 11);
  EXPECT_NE(::kill(std::stoi(*delegate), 0), 0);
}

// S-240: a process killed by SIGKILL cannot clean up.
TEST_F(Subprocess, S240_DiesWithItsParent) {
  const test::TempDir folder;
  const std::string marker = folder / "pid";
  const pid_t plugin = ::fork();
  ASSERT_GE(plugin, 0);
  if (plugin == 0) {
    sh("echo $$ > " + marker + ".new; mv " + marker + ".new " + marker + "; exec sleep 60");
    ::_exit(0);
  }
  std::optional<std::string> delegate;
  for (int i = 0; i < 500 && !delegate; ++i) {
    ::poll(nullptr, 0, 10);
    delegate = find_file(marker);
  }
  ASSERT_TRUE(delegate);
  ::kill(plugin, SIGKILL);
  ::waitpid(plugin, nullptr, 0);
  const std::string stat = "/proc/" + std::string(*delegate, 0, delegate->size() - 1) + "/stat";
  std::optional<std::string> left;
  for (int i = 0; i < 300; ++i) {
    left = find_file(stat);
    if (!left || left->find(") Z ") != std::string::npos) return;
    ::poll(nullptr, 0, 10);
  }
  FAIL() << "still running: " << *left;
}

// S11
TEST_F(Subprocess, S11_KillsAProgramThatPrintsWithoutEnd) {
  for (const char* script : {"exec cat /dev/zero", "exec cat /dev/zero >&2"}) {
    Command command;
    command.path = "/bin/sh";
    command.argv = {"sh", "-c", script};
    command.environment = {"PATH=/usr/bin:/bin"};
    command.on_stderr = [](std::string_view) {};
    command.most_output = 100'000;
    try {
      run(command);
      ADD_FAILURE() << "came to an end";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EFBIG);
      EXPECT_THAT(error.what(), HasSubstr("/bin/sh"));
    }
  }
}

}  // namespace
}  // namespace base
