// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "plugins/tuning/conf.h"

namespace tuning {

inline constexpr const char* kAllowlist = "/etc/cni/tuning/allowlist.conf";

/// Throws cni::Error(7) for the first sysctl whose key, as written, no line of the file `path`
/// matches. A line is a regular expression without anchors; blank lines are skipped, so that an
/// empty file allows nothing. Without the file, everything is allowed. Also throws for a line that
/// is not a regular expression, and std::system_error when the file cannot be read.
void require_allowed(std::span<const Sysctl> sysctls, const std::string& path = kAllowlist);

}  // namespace tuning
