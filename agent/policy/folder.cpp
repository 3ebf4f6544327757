// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/config/problems.h"
#include "agent/config/yaml.h"
#include "agent/policy/read.h"
#include "libcni/base/file.h"
#include "libcni/spec/error.h"

namespace agent::policy {
namespace {

/// A list of 10,000 pods has 40 MB as kubectl prints it.
constexpr std::size_t kMostInObjects = std::size_t{256} << 20;
constexpr std::size_t kMostFiles = 10000;

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) throw std::system_error(error, "read folder \"" + folder + "\"");
  for (const auto& entry : entries) {
    const std::string extension = entry.path().extension();
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && (extension == ".yaml" || extension == ".yml" || extension == ".json"))
      files.push_back(entry.path());
    if (files.size() > kMostFiles)
      throw cni::Error(cni::Code::invalid_config, "folder \"" + folder + "\" has more than " +
                                                      std::to_string(kMostFiles) + " files");
  }
  std::ranges::sort(files);
  return files;
}

std::chrono::nanoseconds change_of(const struct stat& status) {
  return std::chrono::seconds(status.st_ctim.tv_sec) +
         std::chrono::nanoseconds(status.st_ctim.tv_nsec);
}

/// Keeps the last object of each name.
template <typename Object>
void keep_last(std::vector<Object>& list) {
  const auto key = [](const Object& each) { return std::tie(each.ns, each.name); };
  std::ranges::reverse(list);
  std::ranges::stable_sort(list, {}, key);
  const auto same = [&](const Object& a, const Object& b) { return key(a) == key(b); };
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
}

}  // namespace

FolderStamp stamp_of(const std::string& path) {
  using Clock = std::chrono::system_clock;
  std::string text;
  struct stat status {};
  std::chrono::nanoseconds newest{0};
  if (::stat(path.c_str(), &status) == 0) newest = change_of(status);
  for (const std::string& file : files_in(path)) {
    if (::stat(file.c_str(), &status) != 0) continue;  // removed meanwhile, or a broken link
    const std::chrono::nanoseconds changed = change_of(status);
    newest = std::max(newest, changed);
    text += file + " " + std::to_string(status.st_ino) + " " + std::to_string(status.st_size) +
            " " + std::to_string(changed.count()) + "\n";
  }
  const auto age = Clock::now().time_since_epoch() - newest;
  return {text, std::chrono::duration_cast<std::chrono::milliseconds>(age)};
}

Objects read_folder(const std::string& path) {
  Objects objects;
  std::string broken;  // on one line, because it becomes a status line
  for (const std::string& file : files_in(path)) {
    ProblemCollector problems(file);
    const std::string text = base::read_file(file, kMostInObjects);
    if (text.empty()) problems.add_at(1, "file is empty: write it whole, or remove it");
    for (const auto& document : parse_yaml_documents(text, problems))
      add_object(objects, document, std::filesystem::path(file).filename());
    for (const ConfigProblem& each : problems.sorted())
      broken += (broken.empty() ? "" : "; ") + each.text;
  }
  if (!broken.empty()) throw cni::Error(cni::Code::invalid_config, broken);
  keep_last(objects.pods);
  keep_last(objects.policies);
  return objects;
}

std::optional<Objects> read_folder_at(const std::string& path, const FolderStamp& stamp) {
  Objects objects = read_folder(path);
  if (stamp_of(path).text != stamp.text) return std::nullopt;
  return objects;
}

}  // namespace agent::policy
