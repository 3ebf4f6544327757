// SPDX-License-Identifier: Apache-2.0
#include "agent/http/address_watch.h"

#include <sys/epoll.h>

#include <chrono>
#include <utility>

#include "libcni/net/address.h"

namespace agent {

AddressWatch::AddressWatch(Loop& loop, std::function<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)), monitor_(net::Monitor::of_addresses()) {
  loop_.watch(monitor_.fd(), EPOLLIN, [this](Loop::Events) { drain(); });
}

AddressWatch::~AddressWatch() {
  loop_.forget(monitor_.fd());
  loop_.cancel(timer_);
}

void AddressWatch::drain() {
  monitor_.drain();
  if (timer_ != 0) return;
  timer_ = loop_.after(std::chrono::milliseconds(50), [this] {
    timer_ = 0;
    on_change_();
  });
}

std::vector<std::string> AddressWatch::local_addresses() {
  net::Netlink netlink;
  std::vector<std::string> texts;
  for (const net::Address& each : net::list_addresses(netlink))
    texts.push_back(each.prefix.address.text());
  return texts;
}

}  // namespace agent
