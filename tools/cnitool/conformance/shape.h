// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/cnitool/conformance/context.h"

namespace conformance {

/// The faults of `result` as an ADD result of `version`, one line each; empty when it is correct.
/// Keys that a version does not have are faults. Additional keys of routes below 1.1.0 and of
/// interfaces at 1.0.0 are not, because the reference prints them and no consumer relies on their
/// absence.
std::vector<std::string> shape_faults(const Json& result, const std::string& version);

/// Returns whether `address` is an address with prefix, in canonical text form.
bool is_canonical_prefix(const std::string& address);

}  // namespace conformance
