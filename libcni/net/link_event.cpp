// SPDX-License-Identifier: Apache-2.0
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/net/link.h"

namespace net {
namespace {

/// Subscribed to link changes in the current namespace.
base::UniqueFd open_link_monitor() {
  base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) base::throw_errno("open link monitor");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    base::throw_errno("bind link monitor");
  return fd;
}

int operstate_of(Netlink& netlink, int index) {
  const auto link = find_link(netlink, index);
  return link ? link->operstate : static_cast<int>(IF_OPER_NOTPRESENT);
}

}  // namespace

int wait_oper_up(Netlink& netlink, int index, int milliseconds) {
  using Clock = std::chrono::steady_clock;
  int state = operstate_of(netlink, index);
  if (state == IF_OPER_UP) return state;
  const base::UniqueFd monitor = open_link_monitor();
  const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
  for (;;) {
    state = operstate_of(netlink, index);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (state == IF_OPER_UP || left <= 0) return state;
    pollfd poller{.fd = monitor.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poller, 1, static_cast<int>(left)) < 0 && errno != EINTR)
      base::throw_errno("wait for link events");
    base::throw_if_interrupted();
    // What the events say does not matter (some may be lost, ENOBUFS): the link is read again.
    std::array<char, 16384> events;
    while (::recv(monitor.get(), events.data(), events.size(), 0) > 0) {
    }
  }
}

}  // namespace net
