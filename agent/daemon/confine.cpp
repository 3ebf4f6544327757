// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/confine.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "libcni/base/sys_error.h"

namespace agent {

void confine() {
  const rlimit none{};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) base::throw_errno("set RLIMIT_CORE to 0");
  // A core_pattern that is a pipe gets a dump in spite of the limit.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) base::throw_errno("forbid core dumps");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) base::throw_errno("set no_new_privs");
}

}  // namespace agent
