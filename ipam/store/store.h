// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ipam/store/folder.h"
#include "ipam/store/index.h"
#include "libcni/base/ip.h"

namespace ipam {

/// Who holds an address.
struct Owner {
  std::string container_id;
  std::string ifname;
  std::string text() const;  ///< as it stands in an address file
};

/// The reservations of one network, with the lock held for as long as this lives.
///
/// The address files are the truth, and the only thing the reference reads or writes. So that
/// neither a question nor a change has to read them all, an Index stands beside the folder in
/// `<data_dir>/.plumb-<network>`; where it is missing or of another moment, one scan replaces it.
class Store {
 public:
  /// Addresses of an owner; very old releases wrote the container ID alone.
  struct Owned {
    std::vector<base::IpAddress> exact;
    std::vector<base::IpAddress> by_id_only;
  };

  Store(Folder folder, Lock lock);

  Owned find_owned(const Owner& owner);
  bool is_taken(const base::IpAddress& address);
  /// Whether the address was certainly reserved since the machine started; false where a scan had
  /// to replace the index since.
  bool is_recent(const base::IpAddress& address);
  /// Reads every address file anew: a file that was rewritten in place leaves the folder's times,
  /// and so the index, as they were. False when that has been done already.
  bool rescan();
  /// Where the walk of set number `set` stands; nothing when unknown or not an address.
  std::optional<base::IpAddress> last_reserved(std::size_t set);

  /// Reserves the n-th address for the n-th set and moves that set's cursor to it: all or none.
  void reserve(const Owner& owner, const std::vector<base::IpAddress>& addresses);
  /// Releases what find_owned() finds: the exact ones or, without any, those by ID only. Where the
  /// index knows of none the files are asked (R5). Does all it can, then throws what failed.
  /// Returns how many it released.
  std::size_t release(const Owner& owner);
  /// Releases those of `files` that are still as given. Does all it can, then throws what failed.
  std::size_t release_unchanged(const std::vector<AddressFile>& files);

  /// Whether every address file was read to answer; false while the index did.
  bool scanned() const { return scanned_; }

 private:
  Index& index();
  void build_index();
  template <typename Question>
  auto ask(const Question& question);
  std::vector<base::IpAddress> find_files_of(const std::string& owner);
  template <typename Condition>
  std::size_t remove(const std::vector<base::IpAddress>& addresses, const Condition& condition);
  const std::optional<std::string>& cursor(std::size_t set);
  void commit();

  Folder folder_;
  Lock lock_;
  std::optional<Stamp> stamp_;
  std::optional<Index> index_;
  std::map<std::size_t, std::optional<std::string>> cursors_;  ///< as read
  bool scanned_ = false;
  unsigned questions_ = 0;
};

}  // namespace ipam
