// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/bird/speaker.h"
#include "agent/bridged_services.h"
#include "agent/config.h"
#include "agent/filter_watch.h"
#include "agent/forward_drops.h"
#include "agent/http_server.h"
#include "agent/kernel_watch.h"
#include "agent/legacy_check.h"
#include "agent/log.h"
#include "agent/loop.h"
#include "agent/node_files.h"
#include "agent/old_wiring.h"
#include "agent/planning.h"
#include "agent/reconciler.h"
#include "agent/route_shadows.h"
#include "agent/snapshot_cache.h"
#include "agent/source.h"
#include "agent/view.h"
#include "libcni/base/unique_fd.h"
#include "libcni/fabric/apply.h"

namespace agent {

/// plumbd at work: follows the source, keeps this node as planned, answers questions. Leaves the
/// kernel as it is when it ends.
class Daemon {
 public:
  enum class End { stop, reload };

  /// Throws what keeps the agent from starting at all; everything later is retried.
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
  void publish();
  void plan_again(Loop::TimerId& timer, std::optional<Loop::Clock::time_point> due);
  DriverRun plan();
  DriverRun fix_kernel();
  DriverRun write_files();
  std::vector<std::string> all_problems() const;
  void after_round();
  void log_changes(const fabric::Report& report);
  void log_new_problems();
  void listen_to_commands();
  void listen_again();
  void listen();
  void look_after_files();
  void look_for_drops(std::chrono::milliseconds at_least);
  void look_at_pods();
  void look_for_shadows(std::chrono::milliseconds at_least);
  Facts facts();
  View view();
  HttpReply answer_anyone(const HttpQuestion& question);
  HttpReply answer(const HttpQuestion& question);
  HttpReply answer_explain(const HttpQuestion& question);

  const Config& config_;
  Loop loop_;
  net::Netlink netlink_;
  base::UniqueFd signals_;
  NodeFiles files_;
  SnapshotCache cache_;
  Planning planning_;
  Reconciler reconciler_;
  bird::Speaker speaker_;
  KernelWatch watch_;
  LegacyCheck legacy_check_;
  FilterWatch filter_watch_;
  ForwardDrops forward_drops_;
  BridgedServices bridged_services_;
  OldWiring old_wiring_;
  RouteShadows route_shadows_;
  bool routes_changed_ = true;      ///< since the last look at routes of others
  std::optional<Snapshot> cached_;  ///< in use while the source has no complete state
  std::unique_ptr<Source> source_;
  bool has_snapshot_ = false;
  bool kernel_read_ = true;  ///< the last fix_kernel() went through
  fabric::Node published_;
  std::vector<std::string> problems_;
  fabric::Report report_;
  Histogram filter_transactions_;
  std::uint64_t removed_ = 0;
  Loop::TimerId valve_timer_ = 0, former_timer_ = 0;
  End end_ = End::stop;
  const Loop::Clock::time_point started_ = Loop::Clock::now();
  Conditions conditions_;
  std::unique_ptr<HttpServer> control_;  ///< on plumbd.sock
  std::unique_ptr<HttpServer> health_;   ///< on config.listen
};

}  // namespace agent
