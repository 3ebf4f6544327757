// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace cni {

/// The answer to `PLUGIN --validate < configuration`: a JSON object with `plugin`, and the lists
/// `errors` (the plugin refuses the configuration, or a key is a misspelling of one that it knows
/// or has a wrong type) and `warnings` (unknown keys). Only runs the plugin's parser as for ADD.
/// Checks the plugin's own configuration only: the IPAM plugin checks `ipam`.
std::string validate(const Plugin& plugin, std::string_view configuration);

/// The answer to `PLUGIN --keys`: the plugin's table of keys, one word per line.
std::string list_keys(const Plugin& plugin);

}  // namespace cni
