// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace agent {

/// YAML, of which JSON is a part, as the JSON value it means: plain `true`, `12` and `null` are
/// typed, quoted ones and everything else are text. Throws cni::Error with file and line for broken
/// YAML, duplicate keys and merge keys.
nlohmann::json parse_yaml(const std::string& text, const std::string& file_name);

}  // namespace agent
