// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/conf_dir.h"

#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/runtime/errors.h"
#include "libcni/spec/error.h"

namespace runtime {
namespace {

namespace fs = std::filesystem;

constexpr const char* kListExtension = ".conflist";

bool is_temporary(const std::string& name) {
  return name.starts_with('.') || name.ends_with('~');
}

/// True for a regular file: not a folder, nor anything that would block a reader. Also true for a
/// dangling link, so that it is reported.
bool is_readable_kind(const fs::directory_entry& entry) {
  std::error_code ignored;
  const auto type = entry.status(ignored).type();
  return type == fs::file_type::regular || type == fs::file_type::not_found ||
         type == fs::file_type::unknown;
}

/// Files of `dir` with one of the extensions, in byte order; none when the folder does not exist.
std::vector<std::string> find_files(const std::string& dir,
                                    const std::vector<std::string>& extensions) {
  std::vector<std::string> found;
  std::error_code error;
  auto it = fs::directory_iterator(dir, error);
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename();
    const auto dot = name.rfind('.');
    if (dot == std::string::npos || is_temporary(name) || !is_readable_kind(*it)) continue;
    if (std::ranges::find(extensions, name.substr(dot)) != extensions.end())
      found.push_back(it->path());
  }
  if (error) base::throw_errno("read configuration directory \"" + dir + "\"", error.value());
  std::ranges::sort(found);
  return found;
}

NetworkList parse_file(const std::string& path, const std::string& bytes) {
  return path.ends_with(kListExtension) ? parse_list(bytes, path) : parse_single(bytes, path);
}

/// Waits a moment for another program that may be writing `path` in place.
void await_change(const std::string& path, const std::string& bytes) {
  for (int i = 0; i < 10; ++i) {
    ::poll(nullptr, 0, 10);
    if (base::find_file(path) != bytes) return;
  }
}

/// Reads a broken file that is only seconds old once more.
NetworkList read_network(const std::string& path) {
  const std::string bytes = base::read_file(path);
  try {
    return parse_file(path, bytes);
  } catch (const cni::Error&) {
    std::error_code ignored;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(path, ignored);
    if (age > std::chrono::seconds(2)) throw;
  }
  await_change(path, bytes);
  return parse_file(path, base::read_file(path));
}

/// The network in `path`, or the reason why it cannot be loaded.
ConfFile read_conf_file(const std::string& path) {
  ConfFile file{.path = path};
  try {
    file.list = read_network(path);
  } catch (const cni::Error& error) {
    file.error = error.what();
  } catch (const std::system_error& error) {
    file.error = path + ": " + error.what();
  }
  return file;
}

std::string drop_in_dir(const NetworkList& list) {
  return (fs::path(list.file).parent_path() / list.name).string();
}

}  // namespace

std::vector<std::string> find_conf_files(const std::string& dir) {
  auto files = find_files(dir, {kListExtension});
  const auto single = find_files(dir, {".conf", ".json"});
  files.insert(files.end(), single.begin(), single.end());
  return files;
}

std::vector<ConfFile> load_all(const std::string& dir) {
  std::vector<ConfFile> files;
  std::map<std::string, std::string> first;
  for (const std::string& path : find_conf_files(dir)) {
    ConfFile file = read_conf_file(path);
    try {
      if (file.list) append_drop_ins(*file.list);
    } catch (const std::exception& error) {
      file.error = error.what();
    }
    if (file.list && !first.emplace(file.list->name, path).second)
      file.shadowed_by = first[file.list->name];
    if (!file.error.empty()) file.list.reset();
    files.push_back(std::move(file));
  }
  return files;
}

NetworkList load_network(const std::string& dir, const std::string& name) {
  const auto paths = find_conf_files(dir);
  if (paths.empty()) throw NoConfigs(dir);
  std::vector<std::string> broken;
  for (const std::string& path : paths) {
    ConfFile file = read_conf_file(path);
    if (!file.list) broken.push_back(file.error);
    if (!file.list || file.list->name != name) continue;
    append_drop_ins(*file.list);
    for (const std::string& error : broken)
      file.list->warnings.push_back("skipped a broken file: " + error);
    return std::move(*file.list);
  }
  throw NetworkNotFound(dir, name, broken);
}

NetworkList load_file(const std::string& path) {
  NetworkList list = read_network(path);
  append_drop_ins(list);
  return list;
}

void append_drop_ins(NetworkList& list) {
  if (!list.load_only_inlined_plugins && !list.single && !list.file.empty()) {
    for (const std::string& path : find_files(drop_in_dir(list), {".conf"})) {
      PluginConf plugin = parse_plugin(base::read_file(path), path);
      plugin.file = path;
      plugin.drop_in = true;
      list.plugins.push_back(std::move(plugin));
    }
  }
  if (list.plugins.empty())
    throw cni::Error(cni::Code::invalid_config,
                     list.file + ": no plugin configs found for network \"" + list.name + "\"",
                     "neither in 'plugins' nor in " + drop_in_dir(list));
}

}  // namespace runtime
