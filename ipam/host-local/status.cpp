// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/status.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ipam/store/folder.h"

namespace ipam_host_local {
namespace {

[[noreturn]] void not_ready(const std::string& why, const std::string& details = {}) {
  throw cni::Error(cni::Code::not_available, why, details);
}

/// The folder itself or, before the first ADD, the nearest one above that exists.
std::string nearest_existing(std::filesystem::path path) {
  std::error_code error;
  path = std::filesystem::absolute(path).lexically_normal();
  while (path.has_relative_path() && !std::filesystem::exists(path, error))
    path = path.parent_path();
  return path.string();
}

void require_writable(const std::string& path) {
  const std::string folder = nearest_existing(path);
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    not_ready("cannot write reservations in " + folder, std::strerror(errno));
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    not_ready("cannot write reservations in " + folder, "not a directory");
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) return;
  if (space.f_bfree == 0 || (space.f_files != 0 && space.f_ffree == 0))
    not_ready("cannot write reservations in " + folder, "no space left on its file system");
}

bool gives(const ipam::RangeSet& set, const base::IpAddress& address) {
  const ipam::Range* range = set.find(address);
  return range != nullptr && address != range->gateway;
}

/// Whether every address of `set` has a file that somebody holds.
bool is_exhausted(const ipam::RangeSet& set, const ipam::Folder& folder) {
  std::uint64_t taken = 0;
  folder.list([&](const base::IpAddress& address) { taken += gives(set, address) ? 1 : 0; });
  if (taken < set.size()) return false;
  bool reclaimable = false;  // files that a crash left empty: ADD takes them
  folder.list([&](const base::IpAddress& address) {
    reclaimable = reclaimable || (gives(set, address) && folder.is_empty(address.text()));
  });
  return !reclaimable;
}

}  // namespace

void require_ready(const Conf& conf, const std::string& network) {
  require_writable(conf.data_dir + "/" + network);
  const auto folder = ipam::Folder::find(conf.data_dir, network);
  if (!folder) return;
  for (std::size_t number = 0; number < conf.sets.size(); ++number)
    if (is_exhausted(conf.sets[number], *folder))
      not_ready("no IP addresses available in range set: " + conf.sets[number].text(),
                "range set " + std::to_string(number) + " of network " + network);
}

}  // namespace ipam_host_local
