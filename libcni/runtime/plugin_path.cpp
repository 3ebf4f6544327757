// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/plugin_path.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "libcni/runtime/errors.h"

namespace runtime {
namespace {

namespace fs = std::filesystem;

bool is_executable(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

PluginPath::PluginPath(const std::vector<std::string>& dirs) {
  for (const std::string& dir : dirs) {
    if (dir.empty()) continue;
    dirs_.push_back(dir);
    if (dir.front() == '/') continue;
    dirs_.back() = fs::absolute(dir).lexically_normal().string();
    warnings_.push_back("plugin directory \"" + dir + "\" is relative, using " + dirs_.back());
  }
}

std::vector<std::string> PluginPath::split(std::string_view path) {
  std::vector<std::string> dirs;
  while (!path.empty()) {
    const auto colon = path.find(':');
    dirs.emplace_back(path.substr(0, colon));
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
  }
  return dirs;
}

std::string PluginPath::find(const std::string& type, const std::string& prefix) const {
  if (type.empty()) throw cni::Error(cni::Code::invalid_config, prefix + "no plugin name provided");
  if (type.find('/') != std::string::npos || type == "." || type == "..")
    throw cni::Error(cni::Code::invalid_config, prefix + "invalid plugin name: " + type);
  if (dirs_.empty())
    throw cni::Error(cni::Code::invalid_environment, prefix + "no paths provided",
                     "CNI_PATH names the plugin directories");
  for (const std::string& dir : dirs_) {
    const std::string path = dir + "/" + type;
    if (is_executable(path)) return path;
  }
  throw PluginNotFound(type, dirs_, prefix);
}

bool PluginPath::has(const std::string& type) const {
  return std::ranges::any_of(dirs_,
                             [&](const auto& dir) { return is_executable(dir + "/" + type); });
}

std::string PluginPath::text() const {
  std::string text;
  for (const std::string& dir : dirs_) text += (text.empty() ? "" : ":") + dir;
  return text;
}

std::vector<std::string> PluginPath::all_types() const {
  std::vector<std::string> types;
  for (const std::string& dir : dirs_) {
    std::vector<std::string> here;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(dir, ignored))
      if (is_executable(entry.path())) here.push_back(entry.path().filename());
    std::ranges::sort(here);
    for (const std::string& type : here)
      if (std::ranges::find(types, type) == types.end()) types.push_back(type);
  }
  return types;
}

}  // namespace runtime
