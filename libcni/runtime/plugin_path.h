// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace runtime {

/// The folders of plugins: CNI_PATH. Empty elements are dropped, relative ones are resolved at
/// construction.
class PluginPath {
 public:
  explicit PluginPath(const std::vector<std::string>& dirs);
  /// Splits at `:`.
  static std::vector<std::string> split(std::string_view path);

  /// The first regular, executable file called `type`, through symlinks. Throws cni::Error for an
  /// empty name, a name with a separator and no directories; PluginNotFound when no folder has it.
  std::string find(const std::string& type, const std::string& prefix = {}) const;
  bool has(const std::string& type) const;

  std::string text() const;  ///< joined by `:`
  const std::vector<std::string>& dirs() const { return dirs_; }
  const std::vector<std::string>& warnings() const { return warnings_; }  ///< relative elements
  /// Every executable regular file, first directory first, each name once.
  std::vector<std::string> all_types() const;

 private:
  std::vector<std::string> dirs_;
  std::vector<std::string> warnings_;
};

}  // namespace runtime
