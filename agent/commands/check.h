// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace agent {

struct Config;

/// Finds mistakes in a configuration that parses, as seen from this machine: files that are missing
/// or that other users can read, ranges that overlap, settings without effect. One line each.
std::vector<std::string> config_problems(const Config& config);

/// Finds mistakes in the nodes file, where that is the source: lines that cannot be read, with
/// their numbers, nodes that would be left out, and this node when it is missing.
std::vector<std::string> nodes_file_problems(const Config& config);

}  // namespace agent
