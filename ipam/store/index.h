// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipam/store/stamp.h"
#include "libcni/base/ip.h"
#include "libcni/base/unique_fd.h"

namespace ipam {

/// 63 bits of the 64-bit FNV-1a hash of the owner of an address.
std::uint64_t hash_owner(std::string_view owner);

/// The reserved addresses and their owners, as a scan of the folder would find them, in a file that
/// needs only a few small reads per question. It is only a cache: it is valid while its stamp is
/// the folder's, it may be missing or damaged at any time, and the owner it names is a hash that
/// the caller must verify.
///
/// Fixed-size entries, each in two hash chains: one by address, one by owner.
class Index {
 public:
  struct Record {
    base::IpAddress address;
    std::uint64_t owner = 0;  ///< of hash_owner()
    bool recent = false;      ///< reserved since the machine started, for certain
  };

  /// Opens the index file `name`, if it was written for this `stamp`.
  static std::optional<Index> find(int data_dir, const std::string& name, const Stamp& stamp);
  /// Makes an empty index in memory with room for `records` and some more.
  static Index sized_for(std::size_t records);

  std::vector<base::IpAddress> find_owner(std::uint64_t owner);
  bool contains(const base::IpAddress& address);
  /// Returns the record's flag `recent`; false without a record.
  bool is_recent(const base::IpAddress& address);
  void insert(const Record& record);
  void erase(const base::IpAddress& address);
  /// Reads the whole file, for callers that will ask many questions.
  void load();

  /// True when the file contradicts itself, cannot be read or written, or is full. Then its answers
  /// must be discarded, and save() does nothing.
  bool damaged() const { return damaged_; }
  bool in_memory_only() const { return !file_; }

  /// Makes the changes valid for `stamp`; an index in memory becomes the file `name`. Returns false
  /// when that fails; no valid file is left then.
  bool save(int data_dir, const std::string& name, const Stamp& stamp);

 private:
  struct Header {
    std::array<char, 8> magic{};
    std::uint32_t capacity = 0;  ///< entries, and buckets of each kind of chain; a power of two
    std::uint32_t used = 0;      ///< entries ever taken
    std::uint32_t free = 0;      ///< first entry given back, chained by next[kByOwner]; 0 is none
    std::uint32_t padding = 0;
    Stamp stamp;
  };
  enum Chain : std::size_t { kByAddress, kByOwner };
  /// Numbered from 1.
  struct Entry {
    std::array<std::uint8_t, 16> address{};
    std::uint64_t owner = 0;  ///< the lowest bit is Record::recent
    std::array<std::uint32_t, 2> next{};
  };

  std::size_t size() const;
  std::size_t bucket(Chain chain, const Entry& entry) const;
  std::size_t entry_at(std::uint32_t number) const;
  std::size_t next_at(std::uint32_t number, Chain chain) const;
  template <typename T>
  T get(std::size_t offset);
  template <typename T>
  void put(std::size_t offset, const T& value);
  template <typename Visit>
  void walk(Chain chain, const Entry& like, const Visit& visit);
  void unlink(Chain chain, const Entry& entry, std::uint32_t number);
  std::uint32_t take_entry();

  Header header_;
  std::vector<std::byte> image_;  ///< all of it, when built or loaded
  base::UniqueFd file_;
  bool damaged_ = false;
};

}  // namespace ipam
