// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace agent {

/// Every key of the configuration with dots, `[]` for the elements of a list and `*` for free keys,
/// in the order of docs/plumbd.yaml.
std::span<const std::string_view> config_keys();

/// Returns whether `key` is one of config_keys() below `path` (such as `bgp.peers[0]`).
bool is_config_key(std::string_view path, std::string_view key);

/// `, did you mean "asNumber"?`, where `key` is a misspelt key below `path`; otherwise empty.
std::string config_key_hint(std::string_view path, std::string_view key);

/// `PLUMB_BGP_AS_NUMBER` for `bgp.asNumber`.
std::string environment_name(std::string_view key);

}  // namespace agent
