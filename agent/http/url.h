// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace agent {

/// `host` of `http://user@host:port/path`, without brackets.
std::string host_of(std::string_view url);
/// Returns whether requests to `url` stay on this machine: its host is `localhost` or a loopback
/// address.
bool is_this_machine(std::string_view url);

}  // namespace agent
