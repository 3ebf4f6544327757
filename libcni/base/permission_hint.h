// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace base {

/// The end of an error message for a person: `; you are not root: try sudo` where `message` says
/// that something was not permitted and that is why, else empty.
std::string permission_hint(std::string_view message);

}  // namespace base
