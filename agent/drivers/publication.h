// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/plan/planner.h"
#include "agent/source/source.h"
#include "agent/triggers/reconciler.h"

namespace agent {

/// The step of a round that gives the source this node's own record, for the other nodes.
class Publication {
 public:
  /// Both live longer than this.
  Publication(const Planner& planner, Source& source) : planner_(planner), source_(source) {}

  /// Publishes this node if it differs from what was published last. Throws what
  /// Planner::find_self() and Source::publish() throw; the next run tries again.
  DriverRun run();

 private:
  const Planner& planner_;
  Source& source_;
  fabric::Node published_;
};

}  // namespace agent
