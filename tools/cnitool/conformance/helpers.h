// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/cnitool/conformance/context.h"

namespace conformance {

/// `call` on a network of its own: another name, bridge, subnet and host port for every `number`.
Call on_network(Call call, int number);
/// `call` whose IPAM configuration has no routes, so that several attachments fit into one sandbox.
Call without_routes(Call call);
/// `call` for another container and interface.
Call for_attachment(Call call, const std::string& container_id, const std::string& ifname);

/// The addresses in a result of any version, with prefix.
std::vector<std::string> addresses_of(const Json& result);
/// An IPv4 address that IPAM gives, as the subject's result has to list it.
std::string as_listed(const Subject& subject, const std::string& address);
/// The entry of `interfaces` that is `ifname` in a sandbox; null when there is none.
Json container_interface(const Json& result, const std::string& ifname);

/// Link `name` as `ip -d link` shows it; null when there is none. `netns` empty: the host.
Json find_link(const std::string& name, const std::string& netns);
/// All link names.
std::vector<std::string> link_names(const std::string& netns);
/// Creates link `name` there with something at its other end.
bool make_link_there(const std::string& name, const std::string& netns);

/// The reservations host-local holds for a network: file names that are addresses.
std::vector<std::string> reservations(const std::string& network);

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);
std::string join(const std::vector<std::string>& words);

}  // namespace conformance
