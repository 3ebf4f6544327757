// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "agent/config/problems.h"

namespace agent {

/// YAML, of which JSON is a part, as the JSON value it means: plain `true`, `12` and `null` are
/// typed, quoted ones and everything else are text. Fills in `problems.lines`, and adds broken
/// YAML, duplicate keys and merge keys to the problems; of a broken text what stands above the
/// broken line is read.
nlohmann::json parse_yaml(const std::string& text, ProblemCollector& problems);

}  // namespace agent
