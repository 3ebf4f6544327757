// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/loop/loop.h"
#include "libcni/net/monitor.h"

namespace agent {

/// Calls back when addresses of this machine may have been removed. Events of one turn are one
/// call, and calls are 50 ms apart.
class AddressWatch {
 public:
  /// Throws std::system_error when the kernel does not report changes.
  AddressWatch(Loop& loop, std::function<void()> on_change);
  AddressWatch(const AddressWatch&) = delete;
  AddressWatch& operator=(const AddressWatch&) = delete;
  ~AddressWatch();

  /// The addresses of all links as text, without prefix length.
  static std::vector<std::string> local_addresses();

 private:
  void drain();
  Loop& loop_;
  std::function<void()> on_change_;
  net::Monitor monitor_;
  Loop::TimerId timer_ = 0;
};

}  // namespace agent
