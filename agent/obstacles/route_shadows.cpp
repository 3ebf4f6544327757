// SPDX-License-Identifier: Apache-2.0
#include "agent/obstacles/route_shadows.h"

#include <algorithm>
#include <system_error>

#include "libcni/fabric/shadows.h"

namespace agent {
namespace {

constexpr int kShare = 50;

}  // namespace

bool RouteShadows::look(net::Netlink& netlink, const fabric::Desired& desired,
                        std::chrono::milliseconds at_least) {
  const auto begin = Loop::Clock::now();
  const auto pause = std::max<Loop::Clock::duration>(at_least, took_ * kShare);
  if (looked_ != Loop::Clock::time_point{} && begin < looked_ + pause) return false;
  try {
    texts_ = fabric::texts_of(fabric::find_shadows(netlink, desired));
    problem_.clear();
  } catch (const std::system_error& error) {
    problem_ = error.what();
  }
  looked_ = Loop::Clock::now();
  took_ = looked_ - begin;
  return true;
}

}  // namespace agent
