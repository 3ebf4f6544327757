// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/spec/result.h"

namespace runtime {

/// How a result is written.
enum class Layout { compact, indented };

/// `result` in the shape of `version`, or of the newest where that is none we know. A result
/// without addresses, which shapes below 0.3.0 cannot tell, becomes the empty object that plugins
/// send then.
std::string result_text(const cni::Result& result, const std::string& version, Layout layout);

/// A stored result in the shape of `version`. Throws cni::Error when it cannot be.
std::string convert_result(const std::string& text, const std::string& version,
                           const std::string& what);

}  // namespace runtime
