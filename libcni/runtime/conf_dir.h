// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/network_list.h"

namespace runtime {

inline constexpr const char* kDefaultConfDir = "/etc/cni/net.d";

/// A configuration file of a folder, read or broken.
struct ConfFile {
  std::string path;
  std::optional<NetworkList> list = {};
  std::string error = {};        ///< why there is no list
  std::string shadowed_by = {};  ///< an earlier file with the same network name (R-026, R-149)
};

/// Configuration files of `dir` in search order: `.conflist` by path, then `.conf` and `.json` by
/// path. A missing folder has none. Throws std::system_error when it cannot be
/// read.
std::vector<std::string> find_conf_files(const std::string& dir);

/// Every configuration of `dir`, drop-ins loaded, broken ones flagged; never throws for one file.
std::vector<ConfFile> load_all(const std::string& dir);

/// The first network called `name`. Broken files are skipped and reported in the list's warnings,
/// or in the error when nothing else matches. Throws NoConfigs, NetworkNotFound, or
/// cni::Error when the network asked for is itself broken.
NetworkList load_network(const std::string& dir, const std::string& name);

/// One file by path, by its extension: list with its drop-ins, or single. Throws as the parsers do.
NetworkList load_file(const std::string& path);

/// Appends the plugin objects of `<dir of list.file>/<list.name>/*.conf` unless the list forbids it
///
void append_drop_ins(NetworkList& list);

}  // namespace runtime
