// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <span>

#include "libcni/base/file.h"
#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"

namespace base {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kGrace{500};          // between SIGTERM and SIGKILL
constexpr milliseconds kDrain{1000};         // for output after the program has ended
constexpr milliseconds kBusyPatience{5000};  // for ETXTBSY
constexpr Clock::time_point kNever = Clock::time_point::max();

/// Blocks every signal while it lives: between vfork and execve a handler would run in our memory,
/// and signals must be delivered only during ppoll().
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t before_{};
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("create a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// `input` as an anonymous file: of any size, and without a writer that could block or get SIGPIPE.
UniqueFd make_input(std::string_view input) {
  UniqueFd fd(::memfd_create("stdin", MFD_CLOEXEC));
  if (!fd) throw_errno("create a memory file");
  write_all(fd.get(), input, "a memory file");
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) throw_errno("rewind a memory file");
  return fd;
}

/// Everything that the child needs, made before vfork(), because the child must not allocate.
struct Image {
  explicit Image(const Command& command) : path(command.path.c_str()) {
    for (const auto& word : command.argv) argv.push_back(const_cast<char*>(word.c_str()));
    if (argv.empty()) argv.push_back(const_cast<char*>(path));
    for (const auto& pair : command.environment) envp.push_back(const_cast<char*>(pair.c_str()));
    argv.push_back(nullptr);
    envp.push_back(nullptr);
  }
  const char* path;
  std::vector<char*> argv;
  std::vector<char*> envp;
  std::array<int, 3> stdio{-1, -1, -1};  // -1: inherited
  bool die_with_parent = true;
  int descriptor = -1;
  pid_t parent = ::getpid();
};

/// The code of the child after vfork(): makes only system calls and never returns. `failure` is in
/// the parent's memory.
[[noreturn]] void become(const Image& image, volatile int& failure) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setpgid(0, 0);
  ::umask(022);
  if (image.die_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != image.parent) ::_exit(127);  // the parent died before the prctl() call above
  }
  bool placed = true;
  for (int fd = 0; fd < 3; ++fd) {
    const int source = image.stdio[static_cast<std::size_t>(fd)];
    if (source >= 0) placed = placed && ::dup2(source, fd) == fd;
  }
  // Kernels before 5.9 lack close_range; our own descriptors are close-on-exec in any case.
  const unsigned kept = image.descriptor > 2 ? static_cast<unsigned>(image.descriptor) : 2u;
  if (kept > 3) ::syscall(SYS_close_range, 3u, kept - 1, 0u);
  ::syscall(SYS_close_range, kept + 1, ~0u, 0u);
  if (placed) ::execve(image.path, image.argv.data(), image.envp.data());
  failure = errno;
  ::_exit(127);
}

/// Starts the program; returns its process ID, or a negative errno.
[[gnu::noinline]] pid_t spawn(const Image& image) {
  volatile int failure = 0;
  const pid_t pid = ::vfork();
  if (pid == 0) become(image, failure);
  if (pid < 0) return -errno;
  if (failure == 0) return pid;
  ::waitpid(pid, nullptr, 0);
  return -failure;
}

pid_t spawn_patiently(const Image& image, Clock::time_point deadline) {
  const auto busy_deadline = std::min(deadline, Clock::now() + kBusyPatience);
  while (true) {
    const pid_t pid = spawn(image);
    if (pid > 0) return pid;
    if (pid != -ETXTBSY || Clock::now() >= busy_deadline)
      throw_errno(std::string("execute ") + image.path, -pid);
    // The kernel sends no event when the writer of an executable closes it.
    ::poll(nullptr, 0, 20);
  }
}

/// One of the child's output pipes, until its end.
struct Stream {
  UniqueFd fd;
  std::function<void(std::string_view)> sink;
  std::string what = {};  ///< for the error
  std::size_t room = 0;   ///< for further bytes

  void take() {
    std::array<char, 16384> buffer;
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got > 0 && static_cast<std::size_t>(got) > room) throw_errno("read " + what, EFBIG);
    if (got > 0) room -= static_cast<std::size_t>(got);
    if (got > 0) return sink({buffer.data(), static_cast<std::size_t>(got)});
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) fd = UniqueFd();
  }
};

/// A started program and its process group; the destructor kills the rest of the group.
class Child {
 public:
  explicit Child(pid_t pid)
      : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) end_group();
  }

  bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }
  /// SIGTERM, a grace period, SIGKILL. The leader is not reaped yet, so the number of the group
  /// cannot be reused.
  int end_group() {
    ::kill(-pid_, SIGTERM);
    const auto deadline = Clock::now() + kGrace;
    while (!has_ended() && Clock::now() < deadline) {
      pollfd wait{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, 10);
    }
    ::kill(-pid_, SIGKILL);
    return reap();
  }
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }
  int pidfd() const { return pidfd_.get(); }

 private:
  pid_t pid_;
  UniqueFd pidfd_;  // empty before Linux 5.3: then we poll every 20 ms
};

timespec until(Clock::time_point moment) {
  const auto left = std::max(Clock::duration::zero(), moment - Clock::now());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {static_cast<time_t>(seconds.count()), static_cast<long>((left - seconds).count())};
}

/// Reads both streams until the program has ended and they are empty; false at the deadline.
bool attend(const Child& child, std::span<Stream, 2> streams, Clock::time_point deadline,
            const sigset_t& mask) {
  bool ended = false;
  while (true) {
    if (!ended && child.has_ended()) {
      ended = true;
      deadline = std::min(deadline, Clock::now() + kDrain);
    }
    if (ended && !streams[0].fd && !streams[1].fd) return true;
    if (Clock::now() >= deadline) return ended;
    std::array<pollfd, 3> waits{{{streams[0].fd.get(), POLLIN, 0},
                                 {streams[1].fd.get(), POLLIN, 0},
                                 {ended ? -1 : child.pidfd(), POLLIN, 0}}};
    const bool blind = !ended && child.pidfd() < 0;
    const auto wake = blind ? std::min(deadline, Clock::now() + milliseconds(20)) : deadline;
    const timespec timeout = wake == kNever ? timespec{} : until(wake);
    const int ready =
        ::ppoll(waits.data(), waits.size(), wake == kNever ? nullptr : &timeout, &mask);
    if (ready < 0) throw_if_interrupted();
    for (std::size_t i = 0; ready > 0 && i < streams.size(); ++i)
      if (waits[i].revents != 0) streams[i].take();
  }
}

Outcome describe(int status, std::string output) {
  Outcome outcome;
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.output = std::move(output);
  return outcome;
}

}  // namespace

Outcome run(const Command& command) {
  const auto deadline = command.timeout ? Clock::now() + *command.timeout : kNever;
  Image image(command);
  image.die_with_parent = command.die_with_parent;
  image.descriptor = command.descriptor;
  std::string output;
  const std::string what = "the output of " + command.path;
  const auto keep = [&](std::string_view text) { output += text; };
  std::array<Stream, 2> streams{
      {{.fd = {}, .sink = keep, .what = what, .room = command.most_output},
       {.fd = {}, .sink = command.on_stderr, .what = what, .room = command.most_output}}};
  UniqueFd input = make_input(command.input);
  Pipe out = make_pipe();
  Pipe err = command.on_stderr ? make_pipe() : Pipe{};
  image.stdio = {input.get(), out.write.get(), err.write.get()};

  const BlockedSignals signals;
  Child child(spawn_patiently(image, deadline));
  input = {};
  out.write = {};
  err.write = {};
  streams[0].fd = std::move(out.read);
  streams[1].fd = std::move(err.read);
  const bool in_time = attend(child, streams, deadline, signals.before());
  Outcome outcome = describe(in_time ? child.reap() : child.end_group(), std::move(output));
  outcome.timed_out = !in_time;
  return outcome;
}

}  // namespace base
