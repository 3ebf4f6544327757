// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "libcni/plugin/plugin.h"

namespace cni {

/// The cniVersion of error objects for `config`: its own if it is one of `versions`, else the
/// newest of them.
Version answer_version(const json::Object& config, std::span<const Version> versions);

/// Fills in network and version from the configuration. Throws code 7 for the name, 6 and 1 for the
/// version.
void read_config(Request& request, std::span<const Version> versions);

/// Fills in `sandbox`, opening CNI_NETNS once. Returns whether it is our own namespace, in which a
/// plugin must not work unless `override_guard` is set. Throws code 4 if it does not exist and
/// must, which is on ADD and CHECK with `must_exist`.
bool open_sandbox(Request& request, bool override_guard, bool must_exist = true);

/// The same request with another configuration, for a delegate: `text` is a JSON object with the
/// same name, version and prevResult. Nothing is checked again. Throws code 7 when ADD would need
/// the memory for two large documents.
Request with_config(const Request& request, const std::string& text);

/// Fills in `prev_result` on ADD, CHECK and DEL.
void read_prev_result(Request& request);

}  // namespace cni
