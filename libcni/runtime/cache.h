// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/cache_entry.h"
#include "libcni/runtime/runtime_conf.h"

namespace runtime {

inline constexpr const char* kDefaultCacheDir = "/var/lib/cni";

/// Attachments on disk in `<dir>/results`.
class Cache {
 public:
  explicit Cache(std::string dir) : dir_(std::move(dir)) {}

  /// Replaces the entry durably. A name that another attachment's file already has, or that
  /// is too long for the file system, is hashed.
  void write(const CacheEntry& entry) const;

  /// Nothing when missing or unreadable. Throws cni::Error(6) for content that is no entry
  ///
  std::optional<CacheEntry> find(const std::string& network, const RuntimeConf& conf) const;

  /// Removes the entry whatever it holds; false when there was none.
  bool remove(const std::string& network, const RuntimeConf& conf) const;

  /// All readable entries by file name, of one container when its ID is given. Throws
  /// std::system_error when the folder exists and cannot be read.
  std::vector<CacheEntry> list(const std::string& container_id = {}) const;

  /// The file that write() would use. Throws cni::Error(4) unless all three parts are there
  ///
  std::string path_of(const std::string& network, const RuntimeConf& conf) const;
  const std::string& dir() const { return dir_; }

 private:
  std::string dir_;
};

/// The entry's configuration and `conf` with the cached arguments.
struct CachedConfig {
  std::string config;
  RuntimeConf conf;
};
/// Nothing when there is no entry; throws cni::Error(6) when the file is of another kind.
std::optional<CachedConfig> find_cached_config(const Cache& cache, const std::string& network,
                                               const RuntimeConf& conf);

}  // namespace runtime
