// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/network_list.h"
#include "libcni/runtime/runtime_conf.h"
#include "libcni/spec/result.h"

namespace runtime {

/// GC's list as the caller gave it; without a list the key becomes null.
struct ValidAttachments {
  std::optional<std::vector<cni::Attachment>> list;
};

/// The members that are put into a plugin object for one call.
struct Injected {
  std::string name = {};
  std::string version = {};
  std::optional<std::string> prev_result = {};  ///< JSON text, in `version`
  CapabilityArgs capability_args = {};          ///< filtered by what the plugin declares
  std::optional<ValidAttachments> valid = {};   ///< GC
};

/// The plugin's standard input: its own members byte for byte, without `capabilities` and
/// list-level keys, with reserved keys replaced.
std::string make_request(const PluginConf& plugin, const Injected& injected);

}  // namespace runtime
