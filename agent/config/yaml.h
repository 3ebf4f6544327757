// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/config/problems.h"

namespace agent {

/// Parses YAML (or JSON, which is a subset) into a JSON value: plain `true`, `12` and `null` are
/// typed, quoted scalars and everything else are text. Fills in `problems.lines`, and adds broken
/// YAML, duplicate keys and merge keys to the problems. Reads a broken text up to the broken line.
nlohmann::json parse_yaml(const std::string& text, ProblemCollector& problems);

/// The same for every document of a text that `---` divides; none where the text is broken.
std::vector<nlohmann::json> parse_yaml_documents(const std::string& text,
                                                 ProblemCollector& problems);

}  // namespace agent
