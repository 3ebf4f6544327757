// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/spawn.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <ctime>
#include <map>

#include "libcni/base/sys_error.h"
#include "tests/bench/driver/child.h"

namespace bench {
namespace {

double now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double cpu_ms(const rusage& usage) {
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

struct Ended {
  pid_t pid;
  bool ok;
  double cpu_ms;
};

Ended wait_for(pid_t pid) {
  int status = 0;
  rusage usage{};
  const pid_t ended = ::wait4(pid, &status, 0, &usage);
  if (ended < 0) base::throw_errno("wait for a plugin");
  return {ended, WIFEXITED(status) && WEXITSTATUS(status) == 0, cpu_ms(usage)};
}

}  // namespace

Outcome run(const Call& call) {
  Launcher launcher(call);
  const double start = now_ms();
  const Child child = launcher.start(Start::kVfork);
  const Ended ended = wait_for(child.pid);
  Outcome outcome;
  outcome.cost = {now_ms() - start, ended.cpu_ms};
  outcome.ok = ended.ok;
  outcome.output = read_output(child);
  return outcome;
}

Batch run_parallel(const std::vector<Call>& calls, size_t width) {
  std::vector<Launcher> launchers(calls.begin(), calls.end());
  Batch batch;
  batch.outcomes.resize(calls.size());
  std::map<pid_t, size_t> running;
  std::vector<Child> children(calls.size());
  size_t next = 0;
  const double start = now_ms();
  while (next < calls.size() || !running.empty()) {
    if (next < calls.size() && running.size() < width) {
      children[next] = launchers[next].start(Start::kVfork);
      running[children[next].pid] = next;
      ++next;
      continue;
    }
    const Ended ended = wait_for(-1);
    Outcome& outcome = batch.outcomes[running.at(ended.pid)];
    running.erase(ended.pid);
    outcome.ok = ended.ok;
    outcome.cost.cpu_ms = ended.cpu_ms;
    batch.cost.cpu_ms += ended.cpu_ms;
  }
  batch.cost.wall_ms = now_ms() - start;
  for (size_t i = 0; i < calls.size(); ++i) batch.outcomes[i].output = read_output(children[i]);
  return batch;
}

}  // namespace bench
