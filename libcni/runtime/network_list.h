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
  std::string text;            ///< the object's exact bytes (R-011, R-059)
  std::string file = {};       ///< origin; empty when parsed from bytes (R-046)
  bool drop_in = false;        ///< from the network's drop-in folder (R-036)
  std::string name = {};       ///< the object's own `name`, for messages only (R-084)
  std::string ipam_type = {};  ///< `ipam.type`, or empty
  std::vector<std::string> capabilities = {};  ///< those declared true (R-051)
};

/// A network: its plugins in order and the keys of the list.
struct NetworkList {
  std::string name;
  std::string cni_version = {};  ///< as written; may be empty (R-004)
  std::optional<std::vector<std::string>> cni_versions = {};
  std::string version = "0.1.0";  ///< selected: what every plugin receives (R-015 to R-022, R-032)
  bool disable_check = false;
  bool disable_gc = false;
  bool load_only_inlined_plugins = false;
  std::vector<PluginConf> plugins = {};  ///< inline ones, then drop-ins
  bool single = false;                   ///< wrapped from a deprecated single-plugin file (R-031)
  std::string file = {};                 ///< empty when parsed from bytes
  std::string bytes = {};                ///< exactly as read (R-013)
  std::vector<std::string> warnings =
      {};  ///< what a person should know: deprecations, reserved or unknown keys

  bool supports_check() const;    ///< selected version is 0.4.0 or later (R-123)
  bool supports_gc() const;       ///< 1.1.0 or later: GC and STATUS (R-131, R-140)
  bool version_is_valid() const;  ///< the selected version follows the grammar (R-019, R-118)
};

/// Parses a list; `file` is for messages only, no folder is looked at. Throws cni::Error 6
/// or 7 naming file and position.
NetworkList parse_list(std::string_view bytes, const std::string& file = {});

/// Parses a deprecated single-plugin configuration into a list of one; its list-level keys are
/// lifted (R-031, F-20). A list in its place is accepted with a warning to rename the file.
NetworkList parse_single(std::string_view bytes, const std::string& file = {});

/// Parses one plugin object as found in a list or a drop-in file. `where` leads its messages (R-007
/// to R-009).
PluginConf parse_plugin(std::string_view text, const std::string& where);

/// The version to send (R-015 to R-021, F-17): the highest of both that `cni::kVersions` has; a
/// lone `cni_version` as is, in three parts. Throws cni::Error(1) when no version is common.
std::string select_version(const std::string& cni_version,
                           const std::optional<std::vector<std::string>>& cni_versions);

}  // namespace runtime
