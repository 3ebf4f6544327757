// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/scratch.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "libcni/base/file.h"
#include "libcni/base/log.h"
#include "libcni/base/names.h"

namespace flannel {
namespace {

constexpr std::size_t kLongestId = 200;  // leaves room for the interface and a temporary name
constexpr mode_t kFileMode = 0600, kFolderMode = 0700;

std::string name_of(const std::string& container_id) {
  return container_id.size() > kLongestId ? base::sha512_hex(container_id) : container_id;
}

std::optional<json::Object> find_object(const std::string& path) {
  const auto text = base::find_file(path, base::kMostInFile);
  if (!text) return std::nullopt;
  try {
    return json::Object::parse(*text, path);
  } catch (const cni::Error& error) {
    base::log(std::string("ignored: ") + error.what());
    return json::Object();
  }
}

}  // namespace

std::string Scratch::path_of_container() const {
  return folder_ + "/" + name_of(request_.container_id);
}

std::string Scratch::write(const std::string& text) const {
  base::ensure_directory(folder_, kFolderMode);
  // The file of an earlier ADD that was killed is kept as well; GC removes it.
  const bool taken = std::filesystem::exists(std::filesystem::symlink_status(path_of_container()));
  std::string path = taken ? path_of_attachment() : path_of_container();
  base::write_file_atomic(path, text, kFileMode);
  return path;
}

std::optional<Scratch::Saved> Scratch::find() const {
  if (const auto object = find_object(path_of_attachment()))
    return Saved{path_of_attachment(), object->text()};
  const auto object = find_object(path_of_container());
  if (!object) return std::nullopt;
  const bool is_of_another_network =
      object->has("name") && object->get_string("name") != request_.network;
  if (is_of_another_network) return std::nullopt;
  return Saved{path_of_container(), object->text()};
}

bool Scratch::is_valid(const std::string& file_name) const {
  return std::ranges::any_of(request_.valid_attachments, [&](const cni::Attachment& valid) {
    const std::string container = name_of(valid.container_id);
    return file_name == container || file_name == container + ":" + valid.ifname;
  });
}

void Scratch::for_each_old_file(const std::function<void(const std::string& name)>& visit) const {
  const auto start = std::chrono::system_clock::to_time_t(request_.earliest_start());
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, gone)) {
    struct stat status {};
    const bool is_old = ::lstat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
                        status.st_mtim.tv_sec < start;
    if (is_old) visit(entry.path().filename());
  }
  if (gone && gone != std::errc::no_such_file_or_directory)
    throw std::system_error(gone, "list " + folder_);
}

std::vector<std::string> Scratch::find_stale() const {
  std::vector<std::string> stale;
  for_each_old_file([&](const std::string& name) {
    const std::string path = folder_ + "/" + name;
    const auto object = is_valid(name) ? std::nullopt : find_object(path);
    if (object && object->get_string("name") == request_.network) stale.push_back(path);
  });
  return stale;
}

void Scratch::remove_temporary_files() const {
  for_each_old_file([&](const std::string& name) {
    if (base::is_temporary_name(name, name.substr(0, name.rfind('.'))))
      base::remove_file(folder_ + "/" + name);
  });
}

}  // namespace flannel
