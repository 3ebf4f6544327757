// SPDX-License-Identifier: Apache-2.0
#include "agent/plan/reservations.h"

#include <filesystem>
#include <system_error>

namespace agent {

namespace fs = std::filesystem;

void for_each_network(const std::string& data_dir,
                      const std::function<void(const ipam::Folder&)>& visit) {
  std::error_code error;
  for (fs::directory_iterator at(data_dir, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_symlink(gone) || !at->is_directory(gone)) continue;
    if (const auto folder = ipam::Folder::find(data_dir, at->path().filename())) visit(*folder);
  }
  if (error) throw std::system_error(error, "read " + data_dir);
}

std::size_t count_in(const ipam::Folder& folder, const std::vector<base::Prefix>& ranges) {
  std::size_t count = 0;
  folder.list([&](const base::IpAddress& address) {
    for (const base::Prefix& range : ranges)
      if (range.contains(address)) {
        ++count;
        return;
      }
  });
  return count;
}

}  // namespace agent
