// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tests/bench/driver/model.h"

namespace bench {

/// All cases, in the order of the table.
std::vector<Case> all_cases();

}  // namespace bench
