// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "libcni/base/failures.h"
#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/spec/error.h"
#include "plugins/tuning/backup.h"

namespace tuning {
namespace {

/// One name is enough, because only the holder of the lock writes; it cannot be a backup's.
constexpr const char* kTemporary = ".plumb-new";
/// The file names its container only, and its format is the reference's: the network is beside it.
constexpr const char* kNetwork = "trusted.plumb.network";
constexpr int kLockSeconds = 10;

base::UniqueFd create_temporary(int folder) {
  return base::UniqueFd(
      ::openat(folder, kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

}  // namespace

void BackupFolder::lock() const {
  if (!base::lock_exclusive(fd_.get(), kLockSeconds))
    throw cni::Error(
        cni::Code::try_again_later, "folder " + path_ + " is locked",
        "another ADD or GC has kept it for " + std::to_string(kLockSeconds) + " seconds");
}

std::optional<BackupFolder> BackupFolder::find(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)) return std::nullopt;
  if (!fd) base::throw_errno("open folder " + path);
  return BackupFolder(std::move(fd), path);
}

BackupFolder BackupFolder::ensure(const std::string& path) {
  if (auto folder = find(path)) return *std::move(folder);
  base::ensure_directory(path, 0700);
  if (auto folder = find(path)) return *std::move(folder);
  base::throw_errno("open folder " + path, ENOENT);
}

std::optional<std::string> BackupFolder::read(const std::string& name) const {
  const base::UniqueFd fd(
      ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) base::throw_errno("open " + path_of(name));
  if (!S_ISREG(status.st_mode))
    base::throw_errno("read " + path_of(name) + ", which is not a regular file", EINVAL);
  return base::read_all(fd.get(), path_of(name), base::kMostInSmallFile);
}

void BackupFolder::write(const std::string& name, std::string_view content,
                         const std::optional<std::string>& network) const {
  lock();
  base::UniqueFd fd = create_temporary(fd_.get());
  if (!fd && errno == EEXIST) {  // a killed ADD left it
    remove(kTemporary);
    fd = create_temporary(fd_.get());
  }
  if (!fd) base::throw_errno("create " + path_of(kTemporary));
  base::Undo undo;
  undo.add("remove " + path_of(kTemporary), [this] { remove(kTemporary); });
  base::write_all(fd.get(), content, path_of(name));
  // A file without the mark only costs that GC leaves it.
  if (network)
    static_cast<void>(::fsetxattr(fd.get(), kNetwork, network->data(), network->size(), 0));
  base::stamp_written(fd.get());
  if (::renameat(fd_.get(), kTemporary, fd_.get(), name.c_str()) != 0)
    base::throw_errno("create " + path_of(name));
  undo.commit();
}

bool BackupFolder::remove(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0) return true;
  if (base::is_gone(errno, base::Object::file)) return false;
  if (errno != EISDIR) base::throw_errno("remove " + path_of(name));
  base::log("tuning: " + path_of(name) + " is a folder, expected a backup file: it stays");
  return false;
}

std::optional<std::string> BackupFolder::find_network(const std::string& name) const {
  return base::find_attribute(path_of(name), kNetwork);
}

bool BackupFolder::is_newer(const std::string& name,
                            std::chrono::system_clock::time_point moment) const {
  const auto status = base::find_status(fd_.get(), name.c_str(), path_);
  return !status || base::written_at(*status) > moment;
}

void BackupFolder::remove_stale(const std::string& network, const std::set<std::string>& kept,
                                std::chrono::system_clock::time_point began) const {
  lock();
  base::Failures failures;
  base::for_each_entry(fd_.get(), path_, [&](const dirent& entry) {
    const std::string name = entry.d_name;
    failures.attempt([&] {
      if (!kept.contains(name) && find_network(name) == network && !is_newer(name, began))
        remove(name);
    });
  });
  failures.report();
}

}  // namespace tuning
