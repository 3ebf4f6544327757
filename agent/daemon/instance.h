// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/config/config.h"
#include "libcni/base/unique_fd.h"

namespace agent {

/// Whoever holds a lock of a directory, as it wrote itself there: `pid 812, version 0.1.0`.
std::optional<std::string> find_holder(const std::string& directory);

/// The right to be the only plumbd on a state and a run directory, as long as it lives. The
/// directories are made when missing.
class Instance {
 public:
  /// Throws cni::Error(try_again_later) naming process and version of the holder, and
  /// cni::Error(incompatible_version) when a newer version has left its state there.
  explicit Instance(const Config& config);

 private:
  base::UniqueFd state_lock_;
  base::UniqueFd run_lock_;
};

}  // namespace agent
