// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agent {

/// The line of each key of a configuration file, by its path such as `bgp.peers[0].address`.
using KeyLines = std::map<std::string, int, std::less<>>;

/// One mistake in a configuration.
struct ConfigProblem {
  int line = 0;  ///< 0: not in the file, but in a flag or the environment
  std::string text;
  bool operator==(const ConfigProblem&) const = default;
};

/// Collects the mistakes of a configuration while the rest of it is read.
class ProblemCollector {
 public:
  explicit ProblemCollector(std::string file) : file_(std::move(file)) {}

  KeyLines lines = {};
  bool truncated = false;  ///< there may be keys that could not be read

  /// `key` is a path. A key that the file does not have gets the line of the key above it.
  void add(std::string_view key, const std::string& text);
  void add_at(int line, const std::string& text);
  bool mentions(std::string_view word) const;
  /// In the order of the lines; the text begins with `FILE:LINE: ` where there is a line.
  std::vector<ConfigProblem> sorted() const;

 private:
  std::string file_;
  std::vector<ConfigProblem> problems_;
};

/// Throws cni::Error with a line for each problem.
void require_sound(const std::vector<ConfigProblem>& problems);

}  // namespace agent
