// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/base/unique_fd.h"

namespace ipam {

/// The file of one address: the name is the address, the content is the owner.
struct AddressFile {
  base::IpAddress address;
  std::string owner;    ///< trimmed; empty when its writer died, see Folder::publish
  bool regular = true;  ///< false for a symbolic link or a special file, which is never opened, and
                        ///< for a file too large to be a reservation: its address stays taken
};

/// This process holds the folder's lock while the object lives.
class Lock {
 public:
  explicit Lock(base::UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  base::UniqueFd fd_;
};

/// The folder `<data_dir>/<network>`, laid out as the reference does, opened by descriptor.
/// `data_dir` may be a symbolic link; the folder and its files may not: they are refused with ELOOP
/// or ENOTDIR. Every failure throws std::system_error naming the file.
class Folder {
 public:
  /// Far above any container ID; a larger file is not a reservation.
  static constexpr std::size_t kMostInFile = std::size_t{64} << 10;

  /// Returns nothing when the folder does not exist, also when `data_dir` leads through a file or
  /// is too long.
  static std::optional<Folder> find(const std::string& data_dir, const std::string& network);
  /// Makes the folder and its parents with mode 0755 if they are missing.
  static Folder ensure(const std::string& data_dir, const std::string& network);

  /// flock on the file `lock`, as the reference takes it; returns nothing when another process
  /// still holds it after `seconds`.
  std::optional<Lock> lock(int seconds) const;

  /// Calls `visit` with every address file. Works without the lock; the result is then only a hint.
  void scan(const std::function<void(AddressFile)>& visit) const;
  /// The same with their names only.
  void list(const std::function<void(const base::IpAddress&)>& visit) const;

  /// The content of a small file; nothing when the file does not exist. For a file larger than
  /// kMostInFile, its first kMostInFile + 1 bytes.
  std::optional<std::string> find_file(const std::string& name) const;
  bool is_empty(const std::string& name) const;  ///< no owner has been written into it
  /// Returns whether the file was written after `moment`; false when it does not exist.
  bool is_newer(const std::string& name, std::chrono::system_clock::time_point moment) const;
  /// Creates a file together with its content, under the lock: no reader sees it empty, also when
  /// this process is killed. An existing empty file, as the reference or a power cut can leave it,
  /// is replaced. Returns false when the name is taken.
  bool publish(const std::string& name, std::string_view content) const;
  /// Overwrites the file, or creates it. Not atomic: only for the cursors, which every reader
  /// checks.
  void overwrite(const std::string& name, std::string_view content) const;
  /// Returns false when the file did not exist.
  bool remove(const std::string& name) const;
  /// Removes the temporary file that a killed publish() left, also an empty folder of that name;
  /// under the lock. Returns false, with the reason in errno, when that fails.
  bool remove_leftovers() const;

  int fd() const { return fd_.get(); }
  int data_dir_fd() const { return data_dir_.get(); }
  const std::string& network() const { return network_; }
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

 private:
  Folder(base::UniqueFd data_dir, const std::string& data_dir_path, const std::string& network);
  std::optional<struct stat> find_status(const char* name) const;

  base::UniqueFd data_dir_;
  base::UniqueFd fd_;
  std::string path_;
  std::string network_;
};

/// `text` without white space around it; a file of NUL bytes, as some file systems leave after a
/// power cut, also counts as blank.
std::string trim(std::string_view text);

}  // namespace ipam
