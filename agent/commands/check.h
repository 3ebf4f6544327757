// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace agent {

struct Config;

/// What is wrong with a configuration that parses, seen from this machine: files that are missing
/// or that others can read, ranges that overlap, settings without effect. One line each.
std::vector<std::string> config_problems(const Config& config);

/// What is wrong with the list of nodes where it is a file: lines that cannot be read, with their
/// numbers, nodes that would be left out, and this node when it is missing.
std::vector<std::string> nodes_file_problems(const Config& config);

}  // namespace agent
