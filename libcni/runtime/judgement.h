// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/exec.h"
#include "libcni/runtime/network_list.h"

namespace runtime {

/// What a plugin's own parser says of a configuration.
struct Judgement {
  std::vector<std::string> errors = {};
  std::vector<std::string> warnings = {};
};

/// The plugin object as a plugin's `--validate` reads it: as for ADD, and with `capabilities`, for
/// what the runtime will give is not there yet.
std::string configuration_of(const PluginConf& plugin, const NetworkList& list);

/// Runs `PLUGIN --validate`, which the plugins of this suite answer without touching anything.
/// Nothing when the plugin at `path` does not answer it: that of another suite.
std::optional<Judgement> ask_parser(const ExecOptions& options, const std::string& path,
                                    const std::string& configuration);

}  // namespace runtime
