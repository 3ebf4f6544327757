// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/bird/speaker.h"
#include "agent/config.h"
#include "agent/health.h"
#include "agent/kernel_watch.h"
#include "agent/planning.h"
#include "agent/reconciler.h"
#include "agent/source.h"

namespace agent {

/// What the running agent shows of itself.
struct View {
  const Config& config;
  const Planning& planning;
  const Reconciler& reconciler;
  const Source& source;
  const KernelWatch& watch;
  const bird::Speaker& speaker;
  net::Netlink& netlink;
  const Histogram& filter_transactions;
  std::uint64_t removed = 0;  ///< objects, from the kernel
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
