// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/drivers/policy.h"
#include "agent/loop/loop.h"
#include "agent/policy/objects.h"
#include "agent/policy/plan.h"
#include "agent/triggers/reconciler.h"
#include "libcni/base/unique_fd.h"

namespace agent {

/// Follows the folder of network policies and keeps their table. Does nothing without a folder.
class Policies {
 public:
  /// Calls `on_change` when the folder may have changed.
  Policies(const Config& config, Loop& loop, std::function<void()> on_change);
  Policies(const Policies&) = delete;
  Policies& operator=(const Policies&) = delete;
  ~Policies();

  bool enabled() const { return !folder_.empty(); }
  /// Reads the folder where it has changed, and makes the table. Where the folder cannot be read,
  /// the problem says so, and the table is that of the last good reading.
  DriverRun run(const policy::Place& place);
  bool is_right(nft::Nft& nft) { return driver_.is_right(nft); }
  /// Parts of objects that were not understood, and policies that are too large.
  std::vector<std::string> problems() const;

 private:
  void watch();
  void drain();
  bool read();
  void look_again();

  const std::string folder_;
  Loop& loop_;
  const std::function<void()> on_change_;
  base::UniqueFd inotify_;
  Loop::TimerId timer_ = 0;
  std::string stamp_;  ///< of the folder as it was read
  std::optional<policy::Objects> objects_;
  PolicyDriver driver_;
};

}  // namespace agent
