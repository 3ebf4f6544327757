// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace base {

/// A seed for a generator of the standard library, from getrandom(2). std::random_device would do,
/// but libstdc++ 12 takes arc4random(3) for it, which glibc has since 2.36 only.
std::uint64_t random_seed();

}  // namespace base
