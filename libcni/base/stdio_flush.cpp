// SPDX-License-Identifier: Apache-2.0
// A file of its own, because every plugin links stdio.cpp and std::cout adds the locales, 600 KB.
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
  // An earlier write may have failed; its errno is lost.
  throw_errno("write standard output", errno == 0 ? EIO : errno);
}

}  // namespace base
