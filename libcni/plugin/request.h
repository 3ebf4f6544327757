// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "libcni/plugin/plugin.h"

namespace cni {

/// The version that errors about `config` are labelled with: its own when it is one of `versions`,
/// else the newest of them (S-096).
Version answer_version(const json::Object& config, std::span<const Version> versions);

/// Fills in what the configuration says: network and version. Throws code 7 for the name, 6 and 1
/// for the version (S-053 to S-056, S-069 to S-073).
void read_config(Request& request, std::span<const Version> versions);

/// Fills in `sandbox`, opening CNI_NETNS once. Returns whether that is our own namespace, in which
/// no plugin may work unless `override_guard` (S-036 to S-045). Throws code 4 when there has to be
/// one, which is on ADD and CHECK if `must_exist`.
bool open_sandbox(Request& request, bool override_guard, bool must_exist = true);

/// The same call with another configuration, for a delegate: `text` is a JSON object that keeps
/// name, version and prevResult. Nothing is checked again. Throws code 7 where ADD would need the
/// memory of two large documents (S-052).
Request with_config(const Request& request, const std::string& text);

/// Fills in `prev_result` on ADD, CHECK and DEL (S-215 to S-217, S-167).
void read_prev_result(Request& request);

}  // namespace cni
