// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "libcni/base/sys_error.h"

namespace conformance {
namespace {

constexpr int kMostDescriptors = 1024;

using Clock = std::chrono::steady_clock;

base::UniqueFd memory_file(const std::string& content) {
  base::UniqueFd fd(memfd_create("conformance", MFD_CLOEXEC));
  if (!fd) base::throw_errno("create a memory file");
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t wrote = write(fd.get(), content.data() + done, content.size() - done);
    if (wrote < 0) base::throw_errno("write a memory file");
    done += static_cast<std::size_t>(wrote);
  }
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

base::UniqueFd open_file(const std::string& path, int flags) {
  base::UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd) base::throw_errno("open \"" + path + "\"");
  return fd;
}

std::string content_of(int fd) {
  std::string content;
  std::array<char, 65536> buffer{};
  off_t at = 0;
  for (;;) {
    const ssize_t got = pread(fd, buffer.data(), buffer.size(), at);
    if (got <= 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(got));
    at += got;
  }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Moves `fd` to `target` for the program; the descriptor is first moved above 2, so that none is
/// overwritten.
void install(int fd, int target) {
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  dup2(high, target);
}

std::chrono::microseconds duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

Process::Process(const ProcessSetup& setup) : setup_(setup) {
  if (setup_.hold_input || setup_.chunk > 0) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) base::throw_errno("create a pipe");
    input_ = base::UniqueFd(ends[0]);
    feed_ = base::UniqueFd(ends[1]);
  } else if (!setup_.input_path.empty()) {
    input_ = open_file(setup_.input_path, O_RDONLY);
  } else {
    input_ = memory_file(setup_.input);
  }
  output_ = setup_.output_path.empty() ? memory_file("") : open_file(setup_.output_path, O_WRONLY);
  errors_ = memory_file("");
  start();
}

void Process::start() {
  std::vector<std::string> arguments{setup_.program};
  arguments.insert(arguments.end(), setup_.arguments.begin(), setup_.arguments.end());
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> environment = pointers(setup_.environment);
  started_ = Clock::now();
  pid_ = fork();
  if (pid_ < 0) base::throw_errno("fork");
  if (pid_ == 0) {
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (setup_.netns >= 0) setns(setup_.netns, CLONE_NEWNET);
    if (!setup_.directory.empty() && chdir(setup_.directory.c_str()) != 0) _exit(126);
    install(input_.get(), STDIN_FILENO);
    install(output_.get(), STDOUT_FILENO);
    install(errors_.get(), STDERR_FILENO);
    for (const int fd : setup_.closed) close(fd);
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
  }
  handle_ = base::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
}

void Process::feed() {
  for (std::size_t done = 0; done < setup_.input.size(); done += setup_.chunk) {
    const std::size_t size = std::min(setup_.chunk, setup_.input.size() - done);
    if (write(feed_.get(), setup_.input.data() + done, size) < 0) break;
  }
  feed_ = {};
}

bool Process::wait_until(Clock::time_point deadline) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd ended{handle_.get(), POLLIN, 0};
  return poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) > 0;
}

Outcome Process::finish() {
  Outcome outcome;
  input_ = {};
  if (setup_.chunk > 0) feed();
  if (setup_.kill_signal != 0) {
    // The only wait by the clock: the signal is meant to come at an arbitrary moment.
    std::this_thread::sleep_until(started_ + setup_.kill_after);
    kill(pid_, setup_.kill_signal);
  }
  if (!wait_until(started_ + setup_.timeout)) {
    outcome.timed_out = true;
    kill(-pid_, SIGKILL);
  }
  int status = 0;
  rusage usage{};
  while (wait4(pid_, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  outcome.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - started_);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  outcome.cpu = duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
  outcome.peak_kib = usage.ru_maxrss;
  if (setup_.output_path.empty()) outcome.out = content_of(output_.get());
  outcome.err = content_of(errors_.get());
  return outcome;
}

Outcome run_process(const ProcessSetup& setup) {
  return Process(setup).finish();
}

void seal_inherited_descriptors() {
  for (int fd = STDERR_FILENO + 1; fd < kMostDescriptors; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
  }
}

std::string find_tool(const std::string& name) {
  for (const char* folder :
       {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/local/sbin/", "/usr/local/bin/"}) {
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return {};
}

}  // namespace conformance
