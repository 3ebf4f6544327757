// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/log.h"
#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/base/unique_fd.h"

namespace flannel {
namespace {

constexpr const char* kInterface = "trusted.plumb.ifname";
constexpr std::size_t kLongestId = 200;  // leaves room for the interface and a temporary name
constexpr mode_t kFileMode = 0600, kFolderMode = 0700;

std::string name_of(const std::string& container_id) {
  return container_id.size() > kLongestId ? base::sha512_hex(container_id) : container_id;
}

/// The object in a file; an empty one when the file is damaged.
std::optional<json::Object> find_object(const std::string& path) {
  try {
    const auto text = base::find_file(path);
    if (!text) return std::nullopt;
    json::Object object = json::Object::parse(*text, path);
    object.get_string("name");
    object.get_string("type");
    return object;
  } catch (const cni::Error& error) {
    base::log(std::string("damaged: ") + error.what());
  } catch (const std::system_error& error) {
    if (error.code().value() != EFBIG) throw;
    base::log(std::string("damaged: ") + error.what());
  }
  return json::Object();
}

/// The interface that the file belongs to; nothing for a file of flannel's own plugin.
std::optional<std::string> find_interface(const std::string& path) {
  return base::find_attribute(path, kInterface);
}

/// Creates the file; nothing when it exists.
base::UniqueFd try_create(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!fd && errno != EEXIST) base::throw_errno("create " + path);
  return fd;
}

}  // namespace

std::string Scratch::path_of_container() const {
  return folder_ + "/" + name_of(request_.container_id);
}

std::optional<std::string> Scratch::find_own_path() const {
  if (base::find_file(path_of_attachment())) return path_of_attachment();
  if (find_interface(path_of_container()) == request_.ifname) return path_of_container();
  return std::nullopt;
}

/// ADDs of one container can run at the same time: only one of them creates the file.
Scratch::New Scratch::create() const {
  for (const std::string& path : {path_of_container(), path_of_attachment()})
    if (base::UniqueFd fd = try_create(path)) return {path, std::move(fd)};
  base::throw_errno("create " + path_of_attachment(), EEXIST);
}

void Scratch::mark(const std::string& path) const {
  // Not every file system has it; then the file counts for any interface of the container.
  static_cast<void>(
      ::lsetxattr(path.c_str(), kInterface, request_.ifname.data(), request_.ifname.size(), 0));
}

Scratch::Written Scratch::write(const std::string& text) const {
  base::ensure_directory(folder_, kFolderMode);
  if (const auto path = find_own_path()) {
    const auto former = base::find_file(*path);
    const auto replace = [*this, path](const std::string& content) {
      base::write_file_atomic(*path, content, kFileMode);
      mark(*path);
    };
    replace(text);
    return {*path, [replace, former] { replace(former.value_or("")); }};
  }
  const New file = create();
  const auto remove = [path = file.path] { base::remove_file(path); };
  base::Undo undo;
  undo.add("remove " + file.path, remove);
  mark(file.path);
  // In place: nothing is attached yet, so that a part of it after a kill does no harm.
  base::write_all(file.fd.get(), text, file.path);
  base::stamp_written(file.fd.get());
  if (::fsync(file.fd.get()) != 0) base::throw_errno("sync " + file.path);
  undo.commit();
  return {file.path, remove};
}

std::optional<Scratch::Saved> Scratch::find() const {
  if (const auto object = find_object(path_of_attachment()))
    return Saved{path_of_attachment(), object->text()};
  const auto object = find_object(path_of_container());
  const auto interface = find_interface(path_of_container());
  const bool is_of_another =
      !object || (interface && *interface != request_.ifname) ||
      (object->has("name") && object->get_string("name") != request_.network);
  if (is_of_another) return std::nullopt;
  return Saved{path_of_container(), object->text()};
}

bool Scratch::is_valid(const std::string& file_name) const {
  return std::ranges::any_of(request_.valid_attachments, [&](const cni::Attachment& valid) {
    const std::string container = name_of(valid.container_id);
    return file_name == container || file_name == container + ":" + valid.ifname;
  });
}

void Scratch::for_each_old_file(const std::function<void(const std::string& name)>& visit) const {
  const base::UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder && base::is_gone(errno, base::Object::file)) return;
  if (!folder) base::throw_errno("open " + folder_);
  base::for_each_entry(folder.get(), folder_, [&](const dirent& entry) {
    const auto status = base::find_status(folder.get(), entry.d_name, folder_);
    if (status && S_ISREG(status->st_mode) && base::written_at(*status) < request_.earliest_start())
      visit(entry.d_name);
  });
}

std::vector<Scratch::Saved> Scratch::find_stale() const {
  std::vector<Saved> stale;
  for_each_old_file([&](const std::string& name) {
    const std::string path = folder_ + "/" + name;
    const auto object = is_valid(name) ? std::nullopt : find_object(path);
    if (object && object->get_string("name") == request_.network)
      stale.push_back({path, object->text()});
  });
  return stale;
}

void Scratch::remove_temporary_files() const {
  for_each_old_file([&](const std::string& name) {
    const std::string path = folder_ + "/" + name;
    if (!base::is_temporary_name(name, name.substr(0, name.rfind('.'))) || is_valid(name)) return;
    const auto object = find_object(path);
    if (object && !object->has("type")) base::remove_file(path);
  });
}

}  // namespace flannel
