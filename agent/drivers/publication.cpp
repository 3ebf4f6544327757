// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/publication.h"

namespace agent {

DriverRun Publication::run() {
  const fabric::Node self = planner_.find_self(source_.snapshot());
  if (self == published_) return {.desired = 1};
  source_.publish(self);
  published_ = self;
  return {.writes = 1, .desired = 1};
}

}  // namespace agent
