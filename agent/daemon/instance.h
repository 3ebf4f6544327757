// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/config/config.h"
#include "libcni/base/unique_fd.h"

namespace agent {

/// The process that holds a lock of a directory, as it wrote there: `pid 812, version 0.1.0`.
std::optional<std::string> find_holder(const std::string& directory);

/// Locks a state and a run directory so that only one plumbd uses them. Creates missing
/// directories.
class Instance {
 public:
  /// Throws cni::Error(try_again_later) naming process and version of the holder, and
  /// cni::Error(incompatible_version) when the state is that of a newer version.
  explicit Instance(const Config& config);

 private:
  base::UniqueFd state_lock_;
  base::UniqueFd run_lock_;
};

}  // namespace agent
