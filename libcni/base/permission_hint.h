// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace base {

/// The end of an error message for a person: `; you are not root: try sudo` if `message` reports a
/// missing permission and the user is not root, else empty.
std::string permission_hint(std::string_view message);

}  // namespace base
