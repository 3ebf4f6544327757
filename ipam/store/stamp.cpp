// SPDX-License-Identifier: Apache-2.0
#include "ipam/store/stamp.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "libcni/base/unique_fd.h"

namespace ipam {
namespace {

bool read_times(int folder, Stamp& stamp) {
  struct stat status {};
  if (::fstat(folder, &status) != 0) return false;
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.mtime_seconds = status.st_mtim.tv_sec;
  stamp.mtime_nanoseconds = status.st_mtim.tv_nsec;
  stamp.ctime_seconds = status.st_ctim.tv_sec;
  stamp.ctime_nanoseconds = status.st_ctim.tv_nsec;
  return true;
}

}  // namespace

std::optional<Stamp> find_stamp(int folder) {
  Stamp stamp;
  const base::UniqueFd id(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (!id || ::read(id.get(), stamp.boot_id.data(), stamp.boot_id.size()) <= 0) return std::nullopt;
  return read_times(folder, stamp) ? std::optional(stamp) : std::nullopt;
}

std::optional<Stamp> mark_moment(int folder, const Stamp& earlier) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::array<timespec, 2> times{timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, now};
  if (::futimens(folder, times.data()) != 0) return std::nullopt;
  Stamp stamp = earlier;
  if (!read_times(folder, stamp) || stamp.mtime_nanoseconds != now.tv_nsec) return std::nullopt;
  return stamp;
}

}  // namespace ipam
