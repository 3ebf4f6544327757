// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/random.h"

#include <sys/random.h>

#include "libcni/base/sys_error.h"

namespace base {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) < 0) throw_errno("read random bytes");
  return seed;
}

}  // namespace base
