// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/policy/objects.h"

namespace agent::policy {

/// Returns whether all requirements hold. `not_in` also holds where the key is absent. A selector
/// that is not readable selects nothing.
bool selects(const Selector& selector, const Labels& labels);

/// A text that is the same for equal selectors only.
std::string text_of(const Selector& selector);

}  // namespace agent::policy
