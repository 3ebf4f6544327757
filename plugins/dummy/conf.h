// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "libcni/attach/upper.h"
#include "libcni/plugin/plugin.h"

namespace dummy {

/// Every key that README.md documents.
inline constexpr std::string_view kKeys = "ipam:object";

/// The configuration of one attachment; `make_link` works as long as `request`. Throws cni::Error 6
/// for a wrong type and 7 without ipam.
attach::Upper parse_conf(const cni::Request& request);

}  // namespace dummy
