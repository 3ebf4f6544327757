// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/cnitool/conformance/context.h"

namespace conformance {

/// The addresses in a result of any version, with prefix.
std::vector<std::string> addresses_of(const Json& result);
/// The form in which the subject's result must list an IPv4 address of IPAM.
std::string as_listed(const Subject& subject, const std::string& address);
/// The entry of `interfaces` that is `ifname` in a sandbox; null when there is none.
Json container_interface(const Json& result, const std::string& ifname);

/// Link `name` as `ip -d link` prints it; null when it does not exist. `netns` empty: the host.
Json find_link(const std::string& name, const std::string& netns);
/// The names of all links.
std::vector<std::string> link_names(const std::string& netns);
/// Creates a veth pair there, one end called `name`.
bool make_link_there(const std::string& name, const std::string& netns);

/// The reservations of host-local for a network: the file names that are addresses.
std::vector<std::string> reservations(const std::string& network);

}  // namespace conformance
