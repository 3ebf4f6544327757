// SPDX-License-Identifier: Apache-2.0
#include "ipam/host-local/other_networks.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>

#include "libcni/base/file.h"

namespace ipam_host_local {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNodeFile = "/run/plumb/node.json";

std::vector<std::string> names_of_others(const std::string& data_dir, const std::string& network) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(data_dir, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->path().filename() != network && !at->is_symlink(gone) && at->is_directory(gone))
      names.push_back(at->path().filename());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    throw std::system_error(error, "read " + data_dir);
  return names;
}

std::string node_file_of(const json::Object& config) try {
  const std::string path = config.get_string("nodeFile");
  return path.starts_with('/') ? path : kNodeFile;
} catch (const cni::Error&) {
  return kNodeFile;
}

}  // namespace

OtherNetworks::OtherNetworks(const cni::Request& request, const std::string& data_dir) {
  const std::vector<std::string> names = names_of_others(data_dir, request.network);
  if (names.empty()) return;
  const std::string path = node_file_of(request.config);
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
