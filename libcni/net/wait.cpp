// SPDX-License-Identifier: Apache-2.0
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "libcni/base/sys_error.h"
#include "libcni/net/address.h"
#include "libcni/net/link.h"
#include "libcni/net/monitor.h"
#include "libcni/net/route.h"

namespace net {
namespace {

constexpr int kLocalMilliseconds = 5000;

}  // namespace

int wait_oper_up(Netlink& netlink, int index, int milliseconds) {
  int state = IF_OPER_NOTPRESENT;
  const auto is_up = [&] {
    const auto link = find_link(netlink, index);
    state = link ? link->operstate : static_cast<int>(IF_OPER_NOTPRESENT);
    return state == IF_OPER_UP;
  };
  // Checked first, because it is mostly up already and needs no subscription.
  if (!is_up()) Monitor(RTMGRP_LINK).wait_until(is_up, milliseconds);
  return state;
}

void wait_dad(Netlink& netlink, const base::Netns& netns, int index, int milliseconds) {
  const auto is_settled = [&] {
    const auto addresses = list_addresses(netlink, index);
    const auto failed = std::ranges::find(addresses, true, &Address::dad_failed);
    if (failed != addresses.end())
      base::throw_errno("address " + failed->prefix.text() + " is in use by another host",
                        EADDRINUSE);
    return std::ranges::find(addresses, true, &Address::tentative) == addresses.end();
  };
  std::optional<Monitor> monitor;
  netns.run([&] { monitor.emplace(RTMGRP_IPV6_IFADDR); });
  if (!monitor->wait_until(is_settled, milliseconds))
    base::throw_errno("wait for duplicate address detection on link " + std::to_string(index),
                      ETIMEDOUT);
}

void wait_local(Netlink& netlink, const base::Netns* netns, int index,
                const base::IpAddress& address) {
  const auto is_taken = [&] { return is_local(netlink, address, index); };
  // Checked first, because it is mostly done already and needs no subscription.
  if (address.is_v4() || is_taken()) return;
  std::optional<Monitor> monitor;
  // Waits for the route, not for the address: the kernel sends the event of the address first and
  // then adds the local route.
  const auto subscribe = [&] { monitor.emplace(RTMGRP_IPV6_ROUTE); };
  netns == nullptr ? subscribe() : netns->run(subscribe);
  if (!monitor->wait_until(is_taken, kLocalMilliseconds))
    base::throw_errno("wait until packets to " + address.text() + " are taken in", ETIMEDOUT);
}

}  // namespace net
