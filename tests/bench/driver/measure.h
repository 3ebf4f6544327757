// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/bench/driver/model.h"
#include "tests/bench/driver/node.h"

namespace bench {

/// Runs one case on all sides that are there. In every iteration all sides ADD, then all sides DEL,
/// each time beginning with another side; so drift of the machine meets all alike.
Row measure(const Case& what, const Places& places, bool quick);

}  // namespace bench
