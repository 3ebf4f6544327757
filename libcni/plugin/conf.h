// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/json/object.h"
#include "libcni/spec/result.h"

namespace cni {

/// Reads `mtu`; 0 is the same as a missing key and means the kernel's default. Throws code 7 for a
/// value that no link can have.
std::optional<int> find_mtu(const json::Object& config);

/// Reads `dns` if any of its members is given, even an empty list.
std::optional<Dns> find_dns(const json::Object& config);

/// Throws code 7 naming `key` unless `name` can be the name of a link.
void require_ifname(const json::Object& config, const std::string& key, const std::string& name);

}  // namespace cni
