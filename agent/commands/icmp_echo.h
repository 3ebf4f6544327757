// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "libcni/base/ip.h"
#include "libcni/base/unique_fd.h"

namespace agent {

/// ICMP echo requests (ping) that no router may fragment. Blocks; for commands, not for the agent.
class Echo {
 public:
  /// Throws std::system_error: EPERM without CAP_NET_RAW.
  explicit Echo(const base::IpAddress& target);

  /// Sends one IP packet of `size` bytes and waits for the answer; nothing when none came in time.
  /// Throws std::system_error: EMSGSIZE when the path is known to have a smaller MTU.
  std::optional<std::chrono::microseconds> ask(int size, std::chrono::milliseconds patience);

 private:
  bool is_answer(int length, const unsigned char* packet) const;
  base::IpAddress target_;
  base::UniqueFd socket_;
  unsigned short identifier_;
  unsigned short sequence_ = 0;
};

}  // namespace agent
