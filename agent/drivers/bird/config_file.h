// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "agent/config/bgp.h"

namespace agent::bird {

/// BIRD's configuration on disk, and beside it the candidate that BIRD checks first. Only
/// root and BIRD's group may read them, because they contain passwords. Each function throws
/// std::system_error.
class ConfigFile {
 public:
  explicit ConfigFile(const BgpConfig& config);

  const std::string& path() const { return path_; }
  std::string candidate() const { return path_ + ".candidate"; }
  std::optional<std::string> find() const;
  void write(const std::string& text) const { replace(path_, text); }
  void write_candidate(const std::string& text) const { replace(candidate(), text); }
  void remove_candidate() const;
  void accept_candidate() const;  ///< the candidate becomes the configuration
  /// Makes find() return `previous` again.
  void restore(const std::optional<std::string>& previous) const;

 private:
  void replace(const std::string& path, const std::string& text) const;
  std::string path_, group_;
  std::optional<gid_t> readers_;  ///< looked up once: a directory service may be slow
};

}  // namespace agent::bird
