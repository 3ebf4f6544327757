// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/daemon/health.h"
#include "agent/daemon/view.h"
#include "agent/http/server.h"

namespace agent {

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
