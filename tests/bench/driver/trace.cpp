// SPDX-License-Identifier: Apache-2.0
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>
#include <string>

#include "libcni/base/sys_error.h"
#include "tests/bench/driver/child.h"

namespace bench {
namespace {

constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                          PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
                          PTRACE_O_EXITKILL;

/// A number from /proc/PID/status, 0 when the line is missing.
long status_number(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1));
  return 0;
}

class Tracer {
 public:
  explicit Tracer(const Call& call) : child_(Launcher(call).start(Start::kTraced)) {}

  Counted follow() {
    attach();
    while (!tasks_.empty()) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0) base::throw_errno("wait for a traced process");
      if (WIFSTOPPED(status))
        resume(pid, handle_stop(pid, status));
      else
        handle_end(pid, status);
    }
    return {counts_, {.ok = ok_, .output = read_output(child_), .cost = {}}};
  }

 private:
  void attach() {
    int status = 0;
    if (::waitpid(child_.pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
      base::throw_errno("trace a plugin", ECHILD);
    if (::ptrace(PTRACE_SETOPTIONS, child_.pid, nullptr, kOptions) < 0)
      base::throw_errno("set ptrace options");
    tasks_.insert(child_.pid);
    resume(child_.pid, 0);
  }

  /// For a task that was killed meanwhile ptrace fails with ESRCH; waitpid reports its end.
  static void resume(pid_t pid, int signal) {
    if (::ptrace(PTRACE_SYSCALL, pid, nullptr, static_cast<long>(signal)) < 0 && errno != ESRCH)
      base::throw_errno("resume a traced process");
  }

  /// Returns the signal to pass on.
  int handle_stop(pid_t pid, int status) {
    const int signal = WSTOPSIG(status);
    const bool is_new = tasks_.insert(pid).second;
    if (is_new && signal == SIGSTOP) return 0;
    if (signal == (SIGTRAP | 0x80)) {
      count_syscall(pid);
      return 0;
    }
    if (signal != SIGTRAP) return signal;
    handle_event(pid, status >> 16);
    return 0;
  }

  void handle_end(pid_t pid, int status) {
    tasks_.erase(pid);
    if (pid == child_.pid) ok_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  void count_syscall(pid_t pid) {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY)
      ++counts_.syscalls;
  }

  void handle_event(pid_t pid, int event) {
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
      unsigned long created = 0;
      ::ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &created);
      const auto task = static_cast<pid_t>(created);
      if (status_number(task, "Tgid") == task) ++counts_.processes;
    }
    // At this event the memory still exists, and its high-water mark belongs to the last exec
    if (event == PTRACE_EVENT_EXIT)
      counts_.peak_kib = std::max(counts_.peak_kib, status_number(pid, "VmHWM"));
  }

  Child child_;
  std::set<pid_t> tasks_;
  Footprint counts_;
  bool ok_ = false;
};

}  // namespace

Counted count(const Call& call) {
  return Tracer(call).follow();
}

}  // namespace bench
