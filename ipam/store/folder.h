// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/base/unique_fd.h"

namespace ipam {

/// The file of one address: its name is the address, its content who holds it.
struct AddressFile {
  base::IpAddress address;
  std::string owner;    ///< trimmed; empty when its writer died, see Folder::publish
  bool regular = true;  ///< false for a symbolic link and the like, which is never opened, and for
                        ///< a file too large to be a reservation: its address stays taken
};

/// Proof that this process holds the folder's lock, until it is destroyed.
class Lock {
 public:
  explicit Lock(base::UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  base::UniqueFd fd_;
};

/// The folder `<data_dir>/<network>`, laid out as the reference does (reference-plugins 3.1), by
/// descriptor. `data_dir` may be a symbolic link; the folder and all in it may not, and are refused
/// with ELOOP or ENOTDIR (S-263). Every failure throws std::system_error naming the file.
class Folder {
 public:
  /// Far above any container ID; what is larger is not the store's.
  static constexpr std::size_t kMostInFile = std::size_t{64} << 10;

  /// Nothing when it does not exist, also because `data_dir` leads through a file or is too long.
  static std::optional<Folder> find(const std::string& data_dir, const std::string& network);
  /// Makes it and its parents with mode 0755 when missing.
  static Folder ensure(const std::string& data_dir, const std::string& network);

  /// flock on the file `lock`, as the reference takes it; nothing when another process keeps it for
  /// longer than `seconds` (S-157).
  std::optional<Lock> lock(int seconds) const;

  /// Calls `visit` with every address file; no lock needed, and without one no more than a hint.
  void scan(const std::function<void(AddressFile)>& visit) const;
  /// The same with their names only.
  void list(const std::function<void(const base::IpAddress&)>& visit) const;

  /// The content of a small file; nothing when there is none. Of a larger one it is kMostInFile
  /// bytes and one more.
  std::optional<std::string> find_file(const std::string& name) const;
  bool is_empty(const std::string& name) const;  ///< no owner has been written into it
  /// Whether it was written after `moment`; false when there is none.
  bool is_newer(const std::string& name, std::chrono::system_clock::time_point moment) const;
  /// A new file with its content at once, under the lock: whoever is killed, no reader ever sees it
  /// empty. An empty one is what the reference leaves when it dies between two system calls, or a
  /// power cut; it is replaced. False when the name is taken.
  bool publish(const std::string& name, std::string_view content) const;
  /// The same file with other content, made when missing. Not atomic: for the cursors, which any
  /// reader checks.
  void overwrite(const std::string& name, std::string_view content) const;
  /// False when there was none.
  bool remove(const std::string& name) const;
  /// Removes what a killed publish() left behind, also an empty folder of that name; under the
  /// lock. False, with the reason in errno, when that cannot be done.
  bool remove_leftovers() const;

  int fd() const { return fd_.get(); }
  int data_dir_fd() const { return data_dir_.get(); }
  const std::string& network() const { return network_; }
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

 private:
  Folder(base::UniqueFd data_dir, const std::string& data_dir_path, const std::string& network);

  base::UniqueFd data_dir_;
  base::UniqueFd fd_;
  std::string path_;
  std::string network_;
};

/// `text` without white space around it; a file of zero bytes, as some file systems leave after a
/// power cut, is blank too.
std::string trim(std::string_view text);

}  // namespace ipam
