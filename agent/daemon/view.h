// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/config/config.h"
#include "agent/daemon/health.h"
#include "agent/drivers/bird/speaker.h"
#include "agent/drivers/bridged_services.h"
#include "agent/drivers/kernel.h"
#include "agent/drivers/node_files.h"
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

/// The state of the running agent that status, nodes and metrics show.
struct View : Parts {
  Health health = {};
  std::chrono::seconds uptime = {};
};

/// `plumbd status --json`.
std::string print_status(const View& view);
/// `plumbd nodes --json`: each node admitted, and how it is reached.
std::string print_nodes(const View& view);
/// Prometheus' text format; the names are in docs/operations.md.
std::string print_metrics(const View& view);

std::size_t resident_bytes();

}  // namespace agent
