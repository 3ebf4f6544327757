// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config/config.h"
#include "agent/daemon/health.h"
#include "agent/daemon/view.h"
#include "agent/drivers/bird/speaker.h"
#include "agent/drivers/bridged_services.h"
#include "agent/drivers/kernel.h"
#include "agent/drivers/node_files.h"
#include "agent/http/server.h"
#include "agent/loop/log.h"
#include "agent/obstacles/obstacles.h"
#include "agent/plan/planner.h"
#include "agent/source/cache.h"
#include "agent/source/source.h"
#include "agent/triggers/kernel_watch.h"
#include "agent/triggers/reconciler.h"

namespace agent {

/// The parts of a running plumbd that answers are made from.
struct Parts {
  const Config& config;
  net::Netlink& netlink;
  const Planner& planner;
  Reconciler& reconciler;
  const Source& source;
  const SnapshotCache& cache;
  const KernelWatch& watch;
  const KernelDriver& kernel;
  const NodeFiles& files;
  const BridgedServices& bridged_services;
  const bird::Speaker& speaker;
  Obstacles& obstacles;
  const Conditions& listeners;
};

/// Answers questions over HTTP.
class Answers {
 public:
  explicit Answers(const Parts& parts) : parts_(parts) {}

  /// `/healthz`, `/readyz` and `/metrics`; 404 for all else.
  HttpReply to_anyone(const HttpQuestion& question);
  /// The same, and the paths that plumbd's own commands request.
  HttpReply to_command(const HttpQuestion& question);
  /// The health of the node now.
  Health health();

 private:
  View view();
  HttpReply explain_addresses(const HttpQuestion& question);

  Parts parts_;
  const Loop::Clock::time_point started_ = Loop::Clock::now();
};

}  // namespace agent
