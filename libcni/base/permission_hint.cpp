// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/permission_hint.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace base {

std::string permission_hint(std::string_view message) {
  constexpr std::array<std::string_view, 3> kWords{"peration not permitted", "ermission denied",
                                                   "EPERM"};
  const bool refused = std::ranges::any_of(
      kWords, [&](auto words) { return message.find(words) != std::string_view::npos; });
  return refused && ::geteuid() != 0 ? "; you are not root: try sudo" : "";
}

}  // namespace base
