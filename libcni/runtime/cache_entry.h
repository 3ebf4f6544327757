// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/network_list.h"
#include "libcni/runtime/runtime_conf.h"

namespace runtime {

/// A drop-in plugin at the time of ADD.
struct CachedDropIn {
  std::string file;
  std::string text;
  bool operator==(const CachedDropIn&) const = default;
};

/// One attachment as the cache keeps it: a `cniCacheV1` file that the reference reads too, with an
/// additional member `plumb` that the reference ignores.
struct CacheEntry {
  std::string network;
  RuntimeConf conf;
  std::string config;                      ///< the configuration's bytes at ADD
  std::optional<std::string> result = {};  ///< JSON text, in the version of ADD
  bool legacy = false;                     ///< only a result, as libcni 0.7 and earlier wrote it
  std::optional<std::vector<CachedDropIn>> drop_ins = {};  ///< absent in a file of another runtime
  std::string boot_id = {};     ///< ID of the boot in which it was made; empty when unknown
  std::string owner = {};       ///< RuntimeOptions::owner of the runtime that made it
  std::string file = {};        ///< the file that it was read from
  std::int64_t written_at = 0;  ///< seconds since 1970, from the file's times

  /// Returns whether it was made before the machine's last boot, so that its namespaces are gone.
  bool from_earlier_boot() const;
};

/// Converts an entry to the text of its file and back. parse_entry() throws cni::Error(6) when the
/// text is not an entry.
std::string print_entry(const CacheEntry& entry);
CacheEntry parse_entry(const std::string& text, const std::string& file);

/// The network at the time of ADD, with its drop-ins. Throws cni::Error when the entry has none.
NetworkList list_from_entry(const CacheEntry& entry);

/// The ID of this boot; empty without /proc.
std::string current_boot_id();

}  // namespace runtime
