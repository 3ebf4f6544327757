// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>

#include "libcni/base/gone.h"
#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"

namespace base {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

constexpr std::string_view kTemporarySuffix = ".tmp-XXXXXX";  // mkostemp() replaces the six

/// Called after a failed system call: returns if the call should be repeated, or throws.
void retry_or_throw(int fd, short events, const std::string& attempted) {
  if (errno == EINTR) return throw_if_interrupted();
  if (errno != EAGAIN) throw_errno(attempted);
  pollfd wait{.fd = fd, .events = events, .revents = 0};  // the caller passed a non-blocking pipe
  if (::poll(&wait, 1, -1) < 0) throw_if_interrupted();
}

UniqueFd open_or_throw(const std::string& path, int flags, const char* verb) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd) throw_errno(std::string(verb) + " " + path);
  return fd;
}

/// A regular file, opened without waiting for the other end of a FIFO; empty when there is none.
UniqueFd find_regular(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd && is_gone(errno, Object::file)) return fd;
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) throw_errno("open " + path);
  if (S_ISDIR(status.st_mode)) throw_errno("read " + path, EISDIR);
  if (!S_ISREG(status.st_mode))
    throw_errno("read " + path + ", which is not a regular file", EINVAL);
  return fd;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// A file that disappears unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target)
      : path_(target + std::string(kTemporarySuffix)) {
    fd_ = UniqueFd(::mkostemp(path_.data(), O_CLOEXEC));
    if (!fd_) throw_errno("create " + path_);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  int fd() const { return fd_.get(); }
  void rename_to(const std::string& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) throw_errno("replace " + target);
    path_.clear();
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

/// Interrupts blocking calls of a single-threaded process every 50 ms while it lives. Repeats,
/// because a single alarm could fire just before the call that it should interrupt.
class Ticker {
 public:
  Ticker() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &before_);
    set(50'000);
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker() {
    set(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static void set(suseconds_t interval) {
    const itimerval timer{.it_interval = {0, interval}, .it_value = {0, interval}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  struct sigaction before_ {};
};

}  // namespace

std::string read_all(int fd, const std::string& what, std::size_t most) {
  constexpr std::size_t kRoom = 16384;
  std::string text;
  // On the heap, where only the pages are touched that the text fills.
  const std::unique_ptr<char[]> buffer(new char[kRoom]);
  while (true) {
    const ssize_t got = ::read(fd, buffer.get(), kRoom);
    if (got == 0) return text;
    if (got < 0)
      retry_or_throw(fd, POLLIN, "read " + what);
    else
      text.append(buffer.get(), static_cast<std::size_t>(got));
    if (text.size() > most)
      throw_errno("read " + what + ", of which at most " + std::to_string(most) + " bytes are read",
                  EFBIG);
  }
}

std::optional<std::string> find_file(const std::string& path, std::size_t most) {
  const UniqueFd fd = find_regular(path);
  if (!fd) return std::nullopt;
  return read_all(fd.get(), path, most);
}

std::string read_file(const std::string& path, std::size_t most) {
  if (auto text = find_file(path, most)) return *std::move(text);
  throw_errno("open " + path, ENOENT);
}

void write_all(int fd, std::string_view data, const std::string& what) {
  while (!data.empty()) {
    const ssize_t put = ::write(fd, data.data(), data.size());
    if (put < 0)
      retry_or_throw(fd, POLLOUT, "write " + what);
    else
      data.remove_prefix(static_cast<std::size_t>(put));
  }
}

void write_file_atomic(const std::string& path, std::string_view data, mode_t mode) {
  TemporaryFile file(path);
  write_all(file.fd(), data, path);
  stamp_written(file.fd());
  if (::fchmod(file.fd(), mode) != 0) throw_errno("set the mode of " + path);
  if (::fsync(file.fd()) != 0) throw_errno("sync " + path);
  file.rename_to(path);
  const UniqueFd folder = open_or_throw(parent_of(path), O_RDONLY | O_DIRECTORY, "open");
  if (::fsync(folder.get()) != 0) throw_errno("sync the folder of " + path);
}

bool is_temporary_name(std::string_view name, std::string_view target) {
  return name.size() == target.size() + kTemporarySuffix.size() && name.starts_with(target) &&
         name.substr(target.size()).starts_with(kTemporarySuffix.substr(0, 5));
}

void ensure_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return;
  if (errno == ENOENT && parent_of(path) != path) {
    ensure_directory(parent_of(path), mode);
    if (::mkdir(path.c_str(), mode) == 0) return;
  }
  const int why = errno;
  if (!is_directory(path)) throw_errno("create folder " + path, why);
}

void stamp_written(int fd) noexcept {
  std::array<timespec, 2> times{{{0, UTIME_OMIT}, {}}};
  ::clock_gettime(CLOCK_REALTIME, &times[1]);
  static_cast<void>(::futimens(fd, times.data()));
}

std::chrono::system_clock::time_point written_at(const struct stat& status) {
  using std::chrono::system_clock;
  const auto time = std::chrono::seconds(status.st_mtim.tv_sec) +
                    std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(time));
}

std::optional<struct stat> find_status(int folder, const char* name, const std::string& path) {
  struct stat status {};
  if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (is_gone(errno, Object::file)) return std::nullopt;
  throw_errno("read the status of " + path + "/" + name);
}

std::optional<std::string> find_attribute(const std::string& path, const char* name) {
  constexpr std::array kMissing{ENODATA, EOPNOTSUPP, ENOENT, ERANGE};
  std::array<char, 255> value{};
  const ssize_t size = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  if (size >= 0) return std::string(value.data(), static_cast<std::size_t>(size));
  if (std::ranges::find(kMissing, errno) == kMissing.end())
    throw_errno(std::string("read attribute ") + name + " of " + path);
  return std::nullopt;
}

void for_each_entry(int fd, const std::string& path,
                    const std::function<void(const dirent& entry)>& visit) {
  // A separate open file description: the reading position of `fd` is shared by all its readers.
  const int copy = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) throw_errno("open " + path);
  const std::unique_ptr<DIR, DirectoryCloser> directory(::fdopendir(copy));
  if (!directory) {
    const int why = errno;
    ::close(copy);
    throw_errno("read " + path, why);
  }
  for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0) visit(*entry);
  if (errno != 0) throw_errno("read " + path);
}

bool remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (is_gone(errno, Object::file)) return false;
  throw_errno("remove " + path);
}

bool lock_exclusive(int fd, int seconds) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) throw_errno("lock");
  const Ticker ticker;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < deadline) {
    if (::flock(fd, LOCK_EX) == 0) return true;
    if (errno != EINTR) throw_errno("lock");
    throw_if_interrupted();
  }
  return false;
}

}  // namespace base
