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

/// The owner of an address.
struct Owner {
  std::string container_id;
  std::string ifname;
  std::string text() const;  ///< as it stands in an address file
};

/// The reservations of one network, with the lock held for as long as this lives.
///
/// The address files are the truth, and the only thing the reference reads or writes. An Index
/// beside the folder, in `<data_dir>/.plumb-<network>`, saves reading them all. When it is missing
/// or outdated, one scan rebuilds it.
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
  /// Returns whether the address is known to have been reserved since boot; false when a scan has
  /// rebuilt the index since.
  bool is_recent(const base::IpAddress& address);
  /// Reads every address file anew: a file that was rewritten in place does not change the folder's
  /// times, so the index looks valid. Returns false when that was already done.
  bool rescan();
  /// The cursor of set number `set`: the address reserved last. Nothing when it is unknown or not
  /// an address.
  std::optional<base::IpAddress> last_reserved(std::size_t set);

  /// Reserves the n-th address for the n-th set and moves that set's cursor to it: all of them or
  /// none.
  void reserve(const Owner& owner, const std::vector<base::IpAddress>& addresses);
  /// Releases the addresses that find_owned() finds: exact matches or, without any, matches by ID
  /// alone. When the index names none, the files are searched. Releases all it can, then throws the
  /// failures. Returns the number of addresses released.
  std::size_t release(const Owner& owner);
  /// Releases the entries of `files` that are unchanged. Releases all it can, then throws the
  /// failures.
  std::size_t release_unchanged(const std::vector<AddressFile>& files);

  /// Returns whether every address file has been read; false while the index sufficed.
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
