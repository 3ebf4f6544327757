// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/daemon/answers.h"
#include "agent/daemon/listeners.h"
#include "agent/drivers/bird/speaker.h"
#include "agent/drivers/bridged_services.h"
#include "agent/drivers/kernel.h"
#include "agent/drivers/node_files.h"
#include "agent/drivers/policies.h"
#include "agent/drivers/publication.h"
#include "agent/loop/log.h"
#include "agent/loop/loop.h"
#include "agent/obstacles/obstacles.h"
#include "agent/plan/planner.h"
#include "agent/source/cache.h"
#include "agent/source/source.h"
#include "agent/triggers/filter_watch.h"
#include "agent/triggers/kernel_watch.h"
#include "agent/triggers/legacy_check.h"
#include "agent/triggers/reconciler.h"
#include "libcni/base/unique_fd.h"

namespace agent {

/// The running plumbd: follows the source, keeps this node as planned, answers questions. Leaves
/// the kernel's objects in place when it ends.
class Daemon {
 public:
  enum class End { stop, reload };

  /// Throws when the agent cannot start at all; later failures are retried.
  explicit Daemon(const Config& config);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Runs until SIGTERM or SIGINT (stop), or SIGHUP (reload).
  End run();

 private:
  void watch_signals();
  void use_cache();
  void take_snapshot();
  void add_drivers();
  void announce();
  void plan_again(Loop::TimerId& timer, std::optional<Loop::Clock::time_point> due);
  DriverRun plan();
  DriverRun publish();
  DriverRun enforce_policies();
  DriverRun fix_kernel();
  DriverRun write_files();
  DriverRun run_bird();
  void after_round();
  void log_new_problems();
  void look_regularly();
  void look_at_pods();
  bool has_traffic_rules(nft::Nft& nft);

  const Config& config_;
  Loop loop_;
  net::Netlink netlink_;
  base::UniqueFd signals_;
  NodeFiles files_;
  SnapshotCache cache_;
  Planner planner_;
  Reconciler reconciler_;
  bird::Speaker speaker_;
  KernelWatch watch_;
  KernelDriver kernel_;
  Policies policies_;
  LegacyCheck legacy_check_;
  FilterWatch filter_watch_;
  BridgedServices bridged_services_;
  Obstacles obstacles_;
  std::optional<Snapshot> cached_;  ///< in use while the source has no complete state
  std::unique_ptr<Source> source_;
  bool has_snapshot_ = false;
  Publication publication_;
  std::vector<std::string> problems_;  ///< the ones that were logged
  Loop::TimerId valve_timer_ = 0, former_timer_ = 0;
  End end_ = End::stop;
  Conditions listener_problems_;
  Answers answers_;
  Listeners listeners_;
};

}  // namespace agent
