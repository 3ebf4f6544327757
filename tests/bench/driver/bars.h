// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/driver/model.h"

namespace bench {

/// One promise, judged on one run.
struct Bar {
  enum class State { kMet, kMissed, kNotMeasured };
  std::string promise;   ///< "ADD bridge + host-local: at least 4 x faster than the reference"
  std::string measured;  ///< "4.31 x"
  State state = State::kNotMeasured;
};

/// Every bar whose cases are all among `rows`.
std::vector<Bar> judge(const std::vector<Row>& rows);
/// The bars where the reference side is an earlier build of Plumb: no case is more than 2 % slower.
std::vector<Bar> judge_against(const std::vector<Row>& rows);

}  // namespace bench
