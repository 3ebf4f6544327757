// SPDX-License-Identifier: Apache-2.0
// Apart from stdio.cpp, which every plugin links: std::cout brings the locales, 600 KB (S-258).
#include <cerrno>
#include <cstdio>
#include <iostream>

#include "libcni/base/stdio.h"
#include "libcni/base/sys_error.h"

namespace base {

void flush_stdout() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::cout) return;
  // An earlier write can have failed whose errno is gone.
  throw_errno("write standard output", errno == 0 ? EIO : errno);
}

}  // namespace base
