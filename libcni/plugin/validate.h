// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "libcni/plugin/plugin.h"

namespace cni {

/// What `PLUGIN --validate < configuration` answers: a JSON object with `plugin`, and the lists
/// `errors` (the plugin refuses the configuration, or a key is a slip of one that it knows) and
/// `warnings` (keys that it does not know). Runs the plugin's parser as for ADD; makes and asks
/// nothing else. A plugin's own configuration only: `ipam` is judged by the IPAM plugin.
std::string validate(const Plugin& plugin, std::string_view configuration);

}  // namespace cni
