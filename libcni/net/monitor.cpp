// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/monitor.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"

namespace net {

Monitor::Monitor(unsigned groups)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  if (!fd_) base::throw_errno("open rtnetlink monitor");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    base::throw_errno("bind rtnetlink monitor");
}

Monitor Monitor::of_addresses() {
  return Monitor(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
}

void Monitor::drain() {
  std::array<char, 16384> events;
  // ENOBUFS means that some events were lost; further ones follow.
  while (::recv(fd_.get(), events.data(), events.size(), 0) > 0 || errno == ENOBUFS) {
  }
}

bool Monitor::wait_until(const std::function<bool()>& done, int milliseconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    if (done()) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd poller{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poller, 1, static_cast<int>(left)) < 0 && errno != EINTR)
      base::throw_errno("wait for rtnetlink events");
    base::throw_if_interrupted();
    drain();
  }
}

}  // namespace net
