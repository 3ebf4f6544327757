// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/other_networks.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <string_view>
#include <system_error>

#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"

namespace ipam_host_local {
namespace {

constexpr const char* kNodeFile = "/run/plumb/node.json";

bool is_directory(int parent, const dirent64& entry, const std::string& path) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  const auto status = base::find_status(parent, entry.d_name, path);
  return status && S_ISDIR(status->st_mode);
}

/// Read with getdents64() itself: each ADD below plumbd does this, and readdir() takes three calls
/// more.
std::vector<std::string> names_of_others(const std::string& data_dir, const std::string& network) {
  std::vector<std::string> names;
  const base::UniqueFd fd(::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return names;
  if (!fd) base::throw_errno("read " + data_dir);
  alignas(dirent64) std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::getdents64(fd.get(), buffer.data(), buffer.size());
    if (got < 0) base::throw_errno("read " + data_dir);
    if (got == 0) return names;
    for (ssize_t at = 0; at < got;) {
      const auto& entry = *reinterpret_cast<const dirent64*>(buffer.data() + at);
      const std::string_view name = entry.d_name;
      at += entry.d_reclen;
      if (name != "." && name != ".." && name != network && is_directory(fd.get(), entry, data_dir))
        names.emplace_back(name);
    }
  }
}

std::string node_file_of(const json::Object& config) try {
  const std::string path = config.get_string("nodeFile");
  return path.starts_with('/') ? path : kNodeFile;
} catch (const cni::Error&) {
  return kNodeFile;
}

}  // namespace

OtherNetworks::OtherNetworks(const cni::Request& request, const std::string& data_dir) {
  const std::string path = node_file_of(request.config);
  // Asked first: without plumbd no range is shared, and this one call shows it.
  if (::access(path.c_str(), F_OK) != 0 && base::is_gone(errno, base::Object::file)) return;
  const std::vector<std::string> names = names_of_others(data_dir, request.network);
  if (names.empty()) return;
  try {
    const auto text = base::find_file(path);
    if (!text) return;
    const auto ranges = json::Object::parse(*text, path).find_strings("ranges");
    all_shared_ = !ranges;
    for (const std::string& range : ranges.value_or(std::vector<std::string>{})) {
      const auto prefix = base::Prefix::parse(range);
      all_shared_ = all_shared_ || !prefix;
      if (prefix) shared_.push_back(prefix->network());
    }
  } catch (const std::exception&) {
    all_shared_ = true;
  }
  for (const std::string& name : names)
    if (auto folder = ipam::Folder::find(data_dir, name)) folders_.push_back(std::move(*folder));
}

bool OtherNetworks::hold(const base::IpAddress& address) {
  const bool shared = all_shared_ || std::ranges::any_of(shared_, [&](const base::Prefix& range) {
                        return range.contains(address);
                      });
  if (!shared) return false;
  const auto holds = [&](const ipam::Folder& folder) {
    try {
      const auto owner = folder.find_file(address.text());
      return owner && !ipam::trim(*owner).empty();
    } catch (const std::system_error&) {
      return true;
    }
  };
  const auto holder = std::ranges::find_if(folders_, holds);
  if (holder == folders_.end()) return false;
  note_ = "; also reserved: " + address.text() + " by network " + json::quote(holder->network());
  return true;
}

}  // namespace ipam_host_local
