// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/exec.h"
#include "libcni/runtime/network_list.h"

namespace runtime {

/// The verdict of a plugin's own parser on a configuration.
struct Judgement {
  std::vector<std::string> errors = {};
  std::vector<std::string> warnings = {};
};

/// The plugin object for `--validate`: as for ADD, and with `capabilities`, because the values that
/// the runtime will pass are not known yet.
std::string configuration_of(const PluginConf& plugin, const NetworkList& list);

/// Runs `PLUGIN --validate`, which the plugins of this suite answer without changing anything.
/// Returns nothing when the plugin at `path` does not answer it because it belongs to another
/// suite.
std::optional<Judgement> ask_parser(const ExecOptions& options, const std::string& path,
                                    const std::string& configuration);

}  // namespace runtime
