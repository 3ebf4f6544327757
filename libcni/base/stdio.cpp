// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <iostream>

#include "libcni/base/sys_error.h"

namespace base {

void fill_stdio() {
  std::array<pollfd, 3> standard{{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}};
  ::poll(standard.data(), standard.size(), 0);
  for (const auto& each : standard)
    if ((each.revents & POLLNVAL) != 0)
      ::open("/dev/null", each.fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

void flush_stdout() {
  errno = 0;
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::cout) return;
  // An earlier write can have failed whose errno is gone.
  throw_errno("write standard output", errno == 0 ? EIO : errno);
}

}  // namespace base
