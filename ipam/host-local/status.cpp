// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/status.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

#include "ipam/store/folder.h"

namespace ipam_host_local {
namespace {

[[noreturn]] void not_ready(const std::string& why, const std::string& details = {}) {
  throw cni::Error(cni::Code::not_available, why, details);
}

/// The folder itself or, before the first ADD, its nearest existing ancestor.
std::string nearest_existing(std::filesystem::path path) {
  std::error_code error;
  path = std::filesystem::absolute(path).lexically_normal();
  while (path.has_relative_path() && !std::filesystem::exists(path, error))
    path = path.parent_path();
  return path.string();
}

/// The space that one ADD needs on the file system.
struct Need {
  std::uint64_t files = 0;   ///< files and folders to create
  std::uint64_t blocks = 0;  ///< at most one for each file that is not empty
};

Need need_of(const Conf& conf, const std::string& network) {
  Need need{.files = conf.sets.size(), .blocks = conf.sets.size()};
  const auto add_if_missing = [&](const std::string& path, std::uint64_t blocks) {
    if (::access(path.c_str(), F_OK) == 0) return;
    ++need.files;
    need.blocks += blocks;
  };
  const std::string folder = conf.data_dir + "/" + network;
  for (std::filesystem::path path = folder; path.has_relative_path(); path = path.parent_path())
    add_if_missing(path.string(), 1);
  add_if_missing(folder + "/lock", 0);
  for (std::size_t set = 0; set < conf.sets.size(); ++set)
    add_if_missing(folder + "/last_reserved_ip." + std::to_string(set), 1);
  return need;
}

void require_writable(const std::string& path, const Need& need) {
  const std::string folder = nearest_existing(path);
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    not_ready("cannot write reservations in " + folder, std::strerror(errno));
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    not_ready("cannot write reservations in " + folder, "not a directory");
  struct statvfs space {};
  if (::statvfs(folder.c_str(), &space) != 0) return;
  // File systems that create inodes on demand report a count of zero.
  if (space.f_bfree < need.blocks || (space.f_files != 0 && space.f_ffree < need.files))
    not_ready("cannot write reservations in " + folder,
              "no space left on its file system: the next ADD needs " + std::to_string(need.files) +
                  " files and " + std::to_string(need.blocks) + " blocks; free are " +
                  std::to_string(space.f_ffree) + " files and " + std::to_string(space.f_bfree) +
                  " blocks");
}

bool gives(const ipam::RangeSet& set, const base::IpAddress& address) {
  const ipam::Range* range = set.find(address);
  return range != nullptr && address != range->gateway;
}

/// Returns whether every address of `set` has a file with an owner in it.
bool is_exhausted(const ipam::RangeSet& set, const ipam::Folder& folder) {
  std::uint64_t taken = 0;
  folder.list([&](const base::IpAddress& address) { taken += gives(set, address) ? 1 : 0; });
  if (taken < set.size()) return false;
  bool reclaimable = false;  // files that a crash left empty: ADD reuses them
  folder.list([&](const base::IpAddress& address) {
    reclaimable = reclaimable || (gives(set, address) && folder.is_empty(address.text()));
  });
  return !reclaimable;
}

}  // namespace

void require_ready(const Conf& conf, const std::string& network) {
  require_writable(conf.data_dir + "/" + network, need_of(conf, network));
  const auto folder = ipam::Folder::find(conf.data_dir, network);
  if (!folder) return;
  for (std::size_t number = 0; number < conf.sets.size(); ++number)
    if (is_exhausted(conf.sets[number], *folder))
      not_ready("no IP addresses available in range set: " + conf.sets[number].text(),
                "range set " + std::to_string(number) + " of network " + network);
}

}  // namespace ipam_host_local
