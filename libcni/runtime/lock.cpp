// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "libcni/base/file.h"
#include "libcni/base/interrupt.h"
#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "libcni/runtime/errors.h"

namespace runtime {
namespace {

constexpr std::size_t kLongestName = 200;

std::string path_of(const std::string& cache_dir, const std::string& kind,
                    const std::string& name) {
  const std::string dir = cache_dir + "/locks";
  base::ensure_directory(dir, 0700);
  const bool plain = base::is_identifier(name) && name.size() <= kLongestName;
  return dir + "/" + kind + "-" + (plain ? name : base::sha512_hex(name).substr(0, 40));
}

/// Returns whether `path` still names the file behind `fd`: another holder may have removed it.
bool is_current(const std::string& path, int fd) {
  struct stat named {};
  struct stat held {};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(fd, &held) == 0 &&
         named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

}  // namespace

Lock Lock::network(const std::string& cache_dir, const std::string& name, Mode mode,
                   std::chrono::milliseconds patience) {
  return acquire(path_of(cache_dir, "network", name), mode, patience, false);
}

Lock Lock::container(const std::string& cache_dir, const std::string& container_id,
                     std::chrono::milliseconds patience) {
  return acquire(path_of(cache_dir, "container", container_id), Mode::exclusive, patience, true);
}

Lock Lock::acquire(const std::string& path, Mode mode, std::chrono::milliseconds patience,
                   bool removable) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  const int operation = (mode == Mode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
  for (int wait = 1;; wait = std::min(wait * 2, 50)) {
    base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) base::throw_errno("open lock file \"" + path + "\"");
    if (::flock(fd.get(), operation) == 0) {
      if (is_current(path, fd.get())) return Lock(path, std::move(fd), removable);
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) base::throw_errno("lock \"" + path + "\"");
    if (Clock::now() >= deadline)
      throw LockTimeout(cni::Code::try_again_later, "another operation holds " + path +
                                                        " for more than " +
                                                        std::to_string(patience.count()) + " ms");
    base::throw_if_interrupted();
    // Polls: flock() can wait with a limit only by a signal, and signals belong to the program that
    // uses this library.
    ::poll(nullptr, 0, wait);
  }
}

Lock::Lock(std::string path, base::UniqueFd fd, bool removable)
    : path_(std::move(path)), fd_(std::move(fd)), removable_(removable) {}

Lock::~Lock() {
  if (fd_ && removable_) ::unlink(path_.c_str());
}

}  // namespace runtime
