// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace agent {

inline constexpr const char* kVersion = PLUMB_VERSION;

}  // namespace agent
