// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/bench/driver/model.h"
#include "tests/bench/driver/node.h"

namespace bench {

/// Runs one case on all available sides. In every iteration all sides ADD, then all sides DEL, each
/// time beginning with another side; so that a drift of the machine affects all sides equally.
Row measure(const Case& what, const Places& places, bool quick);

}  // namespace bench
