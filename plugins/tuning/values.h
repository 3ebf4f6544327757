// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace tuning {

/// Returns whether the kernel takes both texts for the same value of a sysctl: white space, the
/// notation of numbers (`0x10`), and the notation of lists of ports (`8080,8081` and `8080-8081`)
/// do not matter.
bool same_value(std::string_view a, std::string_view b);

}  // namespace tuning
