// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/network_list.h"
#include "libcni/runtime/runtime_conf.h"

namespace runtime {

/// A drop-in plugin as it was when the attachment was made.
struct CachedDropIn {
  std::string file;
  std::string text;
  bool operator==(const CachedDropIn&) const = default;
};

/// One attachment as the cache keeps it: a `cniCacheV1` file that the reference reads too (R-089,
/// R-102), with one more member, `plumb`, that the reference ignores.
struct CacheEntry {
  std::string network;
  RuntimeConf conf;
  std::string config;                      ///< the configuration's bytes at ADD
  std::optional<std::string> result = {};  ///< JSON text, in the version ADD used
  bool legacy = false;                     ///< a bare result of libcni 0.7 and before (R-093)
  std::optional<std::vector<CachedDropIn>> drop_ins = {};  ///< absent in a file of another runtime
  std::string boot_id = {};     ///< the boot that made it; empty when unknown (R-101)
  std::string owner = {};       ///< Options::owner of the runtime that made it (R-139)
  std::string file = {};        ///< where it was read from
  std::int64_t written_at = 0;  ///< seconds since 1970, from the file's times

  /// Made before the machine's last boot, so its namespaces are gone.
  bool from_earlier_boot() const;
};

/// The file's text and back. parse_entry() throws cni::Error(6) for content that is no
/// entry.
std::string print_entry(const CacheEntry& entry);
CacheEntry parse_entry(const std::string& text, const std::string& file);

/// The network as it was at ADD, drop-ins included. Throws cni::Error when the entry
/// has none.
NetworkList list_from_entry(const CacheEntry& entry);

/// This boot's ID; empty where /proc does not tell.
std::string current_boot_id();

}  // namespace runtime
