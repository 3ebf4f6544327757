// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/driver/model.h"

namespace bench {

/// One plugin call.
struct Call {
  std::vector<std::string> argv;  ///< argv[0] is the executable's path
  std::vector<std::string> environment;
  std::string input;
  int host_netns = -1;  ///< the node's network namespace
};

struct Outcome {
  bool ok = false;
  std::string output;
  Sample cost;
};

/// Runs the call to its end. The clock runs from before vfork to after the process was reaped.
Outcome run(const Call& call);

/// Runs all calls, at most `width` at the same time; the outcomes' costs hold CPU time only.
struct Batch {
  std::vector<Outcome> outcomes;
  Sample cost;
};
Batch run_parallel(const std::vector<Call>& calls, size_t width);

/// Runs the call under ptrace and counts; its time is meaningless and not part of the outcome.
struct Counted {
  Footprint footprint;
  Outcome outcome;
};
Counted count(const Call& call);

}  // namespace bench
