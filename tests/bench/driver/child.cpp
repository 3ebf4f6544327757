// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "libcni/base/sys_error.h"

namespace bench {
namespace {

struct Pipe {
  base::UniqueFd read;
  base::UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) base::throw_errno("make a pipe");
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

}  // namespace

Launcher::Launcher(const Call& call) : host_netns_(call.host_netns), input_(call.input) {
  storage_ = call.argv;
  storage_.insert(storage_.end(), call.environment.begin(), call.environment.end());
  for (size_t i = 0; i < storage_.size(); ++i)
    (i < call.argv.size() ? argv_ : environment_).push_back(storage_[i].data());
  argv_.push_back(nullptr);
  environment_.push_back(nullptr);
}

void Launcher::become(int input, int output, Start how) const {
  if (how == Start::kTraced && ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) ::_exit(125);
  if (::setns(host_netns_, CLONE_NEWNET) < 0) ::_exit(126);
  if (::dup2(input, 0) < 0 || ::dup2(output, 1) < 0) ::_exit(126);
  ::execve(argv_[0], argv_.data(), environment_.data());
  ::_exit(127);
}

Child Launcher::start(Start how) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  // 64 KiB fit into a pipe; a configuration is far smaller, so this does not block
  if (::write(input.write.get(), input_.data(), input_.size()) !=
      static_cast<ssize_t>(input_.size()))
    base::throw_errno("write a configuration");
  input.write = base::UniqueFd();
  Child child;
  // The vfork child runs in the memory of this process, but changes only its own descriptors and
  // namespace
  child.pid = how == Start::kTraced ? ::fork() : ::vfork();
  if (child.pid == 0) become(input.read.get(), output.write.get(), how);
  if (child.pid < 0) base::throw_errno("start " + std::string(argv_[0]));
  child.output = std::move(output.read);
  return child;
}

std::string read_output(const Child& child) {
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t size = ::read(child.output.get(), chunk, sizeof(chunk));
    if (size < 0) base::throw_errno("read a result");
    if (size == 0) return text;
    text.append(chunk, static_cast<size_t>(size));
  }
}

}  // namespace bench
