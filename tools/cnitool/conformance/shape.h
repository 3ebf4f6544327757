// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tools/cnitool/conformance/context.h"

namespace conformance {

/// What is wrong with `result` as an ADD result of `version`: one line per fault, none when it is
/// right. Keys that a version does not know are faults; route extras below 1.1.0 and interface
/// extras at 1.0.0 are not, because the reference leaks them and consumers rely on nothing there
/// (F-07).
std::vector<std::string> shape_faults(const Json& result, const std::string& version);

/// Whether `address` is an address with prefix, in canonical text form.
bool is_canonical_prefix(const std::string& address);

}  // namespace conformance
