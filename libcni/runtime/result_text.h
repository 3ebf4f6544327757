// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/spec/result.h"

namespace runtime {

/// The format of a printed result.
enum class Layout { compact, indented };

/// Prints `result` in the format of `version`, or of the newest version if `version` is unknown. A
/// result without addresses, which formats below 0.3.0 cannot express, becomes an empty object, as
/// plugins send it.
std::string result_text(const cni::Result& result, const std::string& version, Layout layout);

/// Converts a stored result to the format of `version`. Throws cni::Error when that is not
/// possible.
std::string convert_result(const std::string& text, const std::string& version,
                           const std::string& what);

}  // namespace runtime
