// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "libcni/spec/result.h"

namespace ipam_host_local {

/// The text of a resolv.conf(5): `domain` is the last one, `search` and `options` of all lines are
/// joined, lines with `#` or `;` in front are comments.
cni::Dns parse_resolv_conf(std::string_view text);

}  // namespace ipam_host_local
