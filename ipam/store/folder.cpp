// SPDX-License-Identifier: Apache-2.0
#include "ipam/store/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"

namespace ipam {
namespace {

/// One temporary name is enough: only the holder of the lock writes, and the name cannot be an
/// address.
constexpr const char* kTemporary = ".plumb-new";
constexpr const char* kLock = "lock";

// O_NONBLOCK: opening a FIFO in the place of a file must not block.
constexpr int kReading = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

base::UniqueFd open_directory(int at, const std::string& path, int flags) {
  return base::UniqueFd(::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
}

/// A name that the store gives to an address file. Other names belong to other programs.
std::optional<base::IpAddress> address_of(const std::string& name) {
  const auto address = base::IpAddress::parse(name);
  return address && address->text() == name ? address : std::nullopt;
}

bool is_regular(const std::optional<struct stat>& status) {
  return status && S_ISREG(status->st_mode);
}

/// Renames kTemporary unless `name` is taken; false leaves the reason in errno.
bool rename_new(int folder, const std::string& name) {
  if (::renameat2(folder, kTemporary, folder, name.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // NFS and other file systems without RENAME_NOREPLACE.
  if (::linkat(folder, kTemporary, folder, name.c_str(), 0) != 0) return false;
  ::unlinkat(folder, kTemporary, 0);
  return true;
}

}  // namespace

std::string trim(std::string_view text) {
  constexpr std::string_view kBlank(" \t\r\n\v\f\0", 7);
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

Folder::Folder(base::UniqueFd data_dir, const std::string& data_dir_path,
               const std::string& network)
    : data_dir_(std::move(data_dir)), path_(data_dir_path + "/" + network), network_(network) {}

std::optional<Folder> Folder::find(const std::string& data_dir, const std::string& network) {
  base::UniqueFd parent = open_directory(AT_FDCWD, data_dir, 0);
  if (!parent &&
      (base::is_gone(errno, base::Object::file) || errno == ENOTDIR || errno == ENAMETOOLONG))
    return std::nullopt;
  if (!parent) base::throw_errno("open " + data_dir);
  Folder folder(std::move(parent), data_dir, network);
  folder.fd_ = open_directory(folder.data_dir_.get(), network, O_NOFOLLOW);
  if (!folder.fd_ && base::is_gone(errno, base::Object::file)) return std::nullopt;
  if (!folder.fd_) base::throw_errno("open " + folder.path_);
  return folder;
}

Folder Folder::ensure(const std::string& data_dir, const std::string& network) {
  if (auto folder = find(data_dir, network)) return std::move(*folder);
  base::ensure_directory(data_dir + "/" + network, 0755);
  if (auto folder = find(data_dir, network)) return std::move(*folder);
  base::throw_errno("open " + data_dir + "/" + network, ENOENT);
}

std::optional<Lock> Folder::lock(int seconds) const {
  base::UniqueFd fd(::openat(fd_.get(), kLock, kReading | O_CREAT, 0750));
  if (!fd) base::throw_errno("open " + path_of(kLock));
  if (!base::lock_exclusive(fd.get(), seconds)) return std::nullopt;
  return Lock(std::move(fd));
}

void Folder::scan(const std::function<void(AddressFile)>& visit) const {
  base::for_each_entry(fd_.get(), path_, [&](const dirent& entry) {
    const auto address = address_of(entry.d_name);
    if (!address) return;
    AddressFile file{.address = *address, .owner = {}};
    file.regular = entry.d_type == DT_REG ||
                   (entry.d_type == DT_UNKNOWN && is_regular(find_status(entry.d_name)));
    const auto content = file.regular ? find_file(entry.d_name) : std::nullopt;
    if (file.regular && !content) return;
    if (content && content->size() > kMostInFile) {
      base::log(path_of(entry.d_name) + " is skipped, its address stays reserved: " +
                "a reservation has at most " + std::to_string(kMostInFile) + " bytes");
      file.regular = false;
    } else {
      file.owner = trim(content.value_or(""));
    }
    visit(std::move(file));
  });
}

void Folder::list(const std::function<void(const base::IpAddress&)>& visit) const {
  base::for_each_entry(fd_.get(), path_, [&](const dirent& entry) {
    if (const auto address = address_of(entry.d_name)) visit(*address);
  });
}

std::optional<std::string> Folder::find_file(const std::string& name) const {
  const base::UniqueFd fd(::openat(fd_.get(), name.c_str(), kReading));
  if (!fd && base::is_gone(errno, base::Object::file)) return std::nullopt;
  if (!fd) base::throw_errno("open " + path_of(name));
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got < 0) base::throw_errno("read " + path_of(name));
  std::string text(buffer.data(), static_cast<std::size_t>(got));
  // A short read means the end of the file. Only an unusually long container ID needs a second
  // read.
  if (text.size() < buffer.size()) return text;
  text.resize(kMostInFile + 1);
  const ssize_t all = ::pread(fd.get(), text.data(), text.size(), 0);
  if (all < 0) base::throw_errno("read " + path_of(name));
  text.resize(static_cast<std::size_t>(all));
  return text;
}

std::optional<struct stat> Folder::find_status(const char* name) const {
  return base::find_status(fd_.get(), name, path_);
}

bool Folder::is_empty(const std::string& name) const {
  const auto status = find_status(name.c_str());
  return is_regular(status) && status->st_size == 0;
}

bool Folder::is_newer(const std::string& name, std::chrono::system_clock::time_point moment) const {
  const auto status = find_status(name.c_str());
  return status && base::written_at(*status) > moment;
}

bool Folder::publish(const std::string& name, std::string_view content) const {
  constexpr int kCreating = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  base::UniqueFd fd(::openat(fd_.get(), kTemporary, kCreating, 0600));
  if (!fd && errno == EEXIST) {
    if (!remove_leftovers()) base::throw_errno("remove " + path_of(kTemporary));
    fd = base::UniqueFd(::openat(fd_.get(), kTemporary, kCreating, 0600));
  }
  if (!fd) base::throw_errno("create " + path_of(name));
  base::Undo undo;
  undo.add("remove " + path_of(kTemporary), [this] { remove(kTemporary); });
  base::write_all(fd.get(), content, path_of(name));
  base::stamp_written(fd.get());
  if (!rename_new(fd_.get(), name)) {
    if (errno != EEXIST) base::throw_errno("create " + path_of(name));
    const auto there = find_file(name);
    if (there && (there->size() > kMostInFile || !trim(*there).empty())) return false;
    if (::renameat(fd_.get(), kTemporary, fd_.get(), name.c_str()) != 0)
      base::throw_errno("replace " + path_of(name));
  }
  undo.commit();
  return true;
}

void Folder::overwrite(const std::string& name, std::string_view content) const {
  constexpr int kWriting = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const base::UniqueFd fd(::openat(fd_.get(), name.c_str(), kWriting, 0600));
  if (!fd) base::throw_errno("open " + path_of(name));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) base::throw_errno("stat " + path_of(name));
  // A hard link: writing would change any file on this file system.
  if (!S_ISREG(status.st_mode) || status.st_nlink > 1)
    base::throw_errno("write " + path_of(name), EMLINK);
  base::write_all(fd.get(), content, path_of(name));
  // Truncating first, as the reference does, would make ext4 write the file to disk at once.
  const auto size = static_cast<off_t>(content.size());
  if (status.st_size > size && ::ftruncate(fd.get(), size) != 0)
    base::throw_errno("cut " + path_of(name));
}

bool Folder::remove(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0) return true;
  if (base::is_gone(errno, base::Object::file)) return false;
  base::throw_errno("remove " + path_of(name));
}

bool Folder::remove_leftovers() const {
  if (::unlinkat(fd_.get(), kTemporary, 0) == 0 || base::is_gone(errno, base::Object::file))
    return true;
  return errno == EISDIR && ::unlinkat(fd_.get(), kTemporary, AT_REMOVEDIR) == 0;
}

}  // namespace ipam
