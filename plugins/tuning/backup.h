// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "libcni/base/unique_fd.h"
#include "libcni/net/link_settings.h"
#include "libcni/spec/result.h"

namespace tuning {

/// The name of the backup file of one attachment: `<container ID>_<ifname>.json`, as the reference
/// names it. A name that is too long for a file is a hash instead, which the reference cannot have.
std::string backup_name(const cni::Attachment& attachment);

/// The content of a backup file, byte for byte as the reference writes it.
std::string print_backup(const net::LinkSettings& before);
/// Nothing for a text that is not such a content, as a killed write of the reference leaves it.
std::optional<net::LinkSettings> parse_backup(const std::string& text);

/// The folder of the backup files, opened by descriptor. The folder itself may be a symbolic link;
/// links and special files in it are never followed: ELOOP, EINVAL. From write() or remove_stale()
/// on, those of other processes wait until the object is gone, so that GC removes no file that an
/// ADD has just replaced; they throw cni::Error(11) after 10 s. Every other failure throws
/// std::system_error naming the file.
class BackupFolder {
 public:
  /// Returns nothing when the folder does not exist.
  static std::optional<BackupFolder> find(const std::string& path);
  /// Makes the folder and its parents with mode 0700 if they are missing.
  static BackupFolder ensure(const std::string& path);

  std::optional<std::string> read(const std::string& name) const;
  /// Replaces the file in one step and marks it with its network, for GC. Without a network, and on
  /// a file system without extended attributes, it has no mark.
  void write(const std::string& name, std::string_view content,
             const std::optional<std::string>& network) const;
  /// The network that the file is marked with; nothing for a file of the reference.
  std::optional<std::string> find_network(const std::string& name) const;
  /// Returns false when the file did not exist.
  bool remove(const std::string& name) const;
  /// GC: removes the files that are marked with `network`, are older than `began`, and are not in
  /// `kept`. Tries all, then throws the failures.
  void remove_stale(const std::string& network, const std::set<std::string>& kept,
                    std::chrono::system_clock::time_point began) const;

 private:
  BackupFolder(base::UniqueFd fd, const std::string& path) : fd_(std::move(fd)), path_(path) {}
  void lock() const;
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  bool is_newer(const std::string& name, std::chrono::system_clock::time_point moment) const;

  base::UniqueFd fd_;
  std::string path_;
};

}  // namespace tuning
