// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/base/mac.h"
#include "libcni/json/object.h"
#include "libcni/plugin/plugin.h"
#include "libcni/spec/result.h"

namespace cni {

/// Reads `mtu`; 0 is the same as a missing key and means the kernel's default. Throws code 7 for a
/// value that no link can have.
std::optional<int> find_mtu(const json::Object& config);

/// Reads `dns` if any of its members is given, even an empty list.
std::optional<Dns> find_dns(const json::Object& config);

/// The MAC address that the runtime asks for: runtimeConfig.mac, else args.cni.mac, else MAC in
/// CNI_ARGS. Throws as require_unicast_mac().
std::optional<base::Mac> find_requested_mac(const Request& request);
/// The same, else key `mac`.
std::optional<base::Mac> find_mac(const Request& request);
/// Reads a MAC address for a link. Throws code 7 for one that no link can have; `key` names its
/// source. The kernel's own error says only "Cannot assign requested address".
base::Mac require_unicast_mac(const std::string& text, const std::string& key);

/// Throws code 7 naming `key` unless `name` can be the name of a link.
void require_ifname(const json::Object& config, const std::string& key, const std::string& name);

}  // namespace cni
