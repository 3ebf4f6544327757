// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>

namespace base {

void fill_stdio() {
  std::array<pollfd, 3> standard{{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}};
  ::poll(standard.data(), standard.size(), 0);
  for (const auto& each : standard)
    if ((each.revents & POLLNVAL) != 0)
      ::open("/dev/null", each.fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

}  // namespace base
