// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runtime {

/// One plugin object of a network, and where it came from.
struct PluginConf {
  std::string type;
  std::string text;                            ///< the object's exact bytes
  std::string file = {};                       ///< origin; empty when parsed from bytes
  bool drop_in = false;                        ///< from the network's drop-in folder
  std::string name = {};                       ///< the object's own `name`, for messages only
  std::string ipam_type = {};                  ///< `ipam.type`, or empty
  std::vector<std::string> capabilities = {};  ///< those declared true
};

/// A network: its plugins in order and the keys of the list.
struct NetworkList {
  std::string name;
  std::string cni_version = {};  ///< as written; may be empty
  std::optional<std::vector<std::string>> cni_versions = {};
  std::string version = "0.1.0";  ///< selected: what every plugin receives
  bool disable_check = false;
  bool disable_gc = false;
  bool load_only_inlined_plugins = false;
  std::vector<PluginConf> plugins = {};  ///< inline ones, then drop-ins
  bool single = false;                   ///< wrapped from a deprecated single-plugin file
  std::string file = {};                 ///< empty when parsed from bytes
  std::string bytes = {};                ///< exactly as read
  std::vector<std::string> warnings =
      {};  ///< warnings for a person: deprecations, reserved or unknown keys

  bool supports_check() const;    ///< selected version is 0.4.0 or later
  bool supports_gc() const;       ///< 1.1.0 or later: GC and STATUS
  bool version_is_valid() const;  ///< the selected version follows the grammar
};

/// Parses a list; `file` is only used in messages, and no drop-in folder is read. Throws cni::Error
/// 6 or 7 naming file and position.
NetworkList parse_list(std::string_view bytes, const std::string& file = {});

/// Parses a deprecated single-plugin configuration into a list of one; its list-level keys are
/// moved to the list. A list is accepted too, with a warning to rename the file.
NetworkList parse_single(std::string_view bytes, const std::string& file = {});

/// Parses one plugin object as found in a list or a drop-in file. `where` is the beginning of its
/// messages.
PluginConf parse_plugin(std::string_view text, const std::string& where);

/// The version to send to plugins: the highest of the list's versions that `cni::kVersions`
/// contains; `cni_version` alone is used as it is, in three parts. Throws cni::Error(1) when they
/// have no version in common.
std::string select_version(const std::string& cni_version,
                           const std::optional<std::vector<std::string>>& cni_versions);

}  // namespace runtime
