// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/json/object.h"
#include "libcni/spec/result.h"

namespace cni {

/// `mtu`; 0, as if the key were missing, means the kernel's default (reference-plugins 2.1). Throws
/// code 7 for what no link can have, also below 0.
std::optional<int> find_mtu(const json::Object& config);

/// `dns` where any of its members is given, an empty list included (reference-plugins 1.19).
std::optional<Dns> find_dns(const json::Object& config);

/// Throws code 7 naming `key` unless `name` can name a link.
void require_ifname(const json::Object& config, const std::string& key, const std::string& name);

}  // namespace cni
