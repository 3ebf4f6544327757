// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "agent/loop.h"
#include "libcni/net/nft.h"

namespace agent {

/// Says within seconds when somebody else changed or removed the rules of the agent's nf_tables
/// table. It asks for the rule set's generation, because nf_tables' events would cost every
/// program that changes rules a message for each of them.
class FilterWatch {
 public:
  /// `is_right` compares the rules with what is wanted, not with what was found: somebody may have
  /// been at them before they were looked at. It may throw std::system_error.
  FilterWatch(Loop& loop, std::function<bool(net::nft::Nft&)> is_right,
              std::function<void()> on_change,
              std::chrono::milliseconds interval = std::chrono::seconds(5));
  FilterWatch(const FilterWatch&) = delete;
  FilterWatch& operator=(const FilterWatch&) = delete;
  ~FilterWatch();

  /// Once the rules are made; more calls are nothing. Throws where there is no nf_tables.
  void start();

 private:
  void look();
  bool is_changed();
  Loop& loop_;
  std::function<bool(net::nft::Nft&)> is_right_;
  std::function<void()> on_change_;
  std::chrono::milliseconds interval_;
  std::optional<net::nft::Nft> nft_;  ///< kept: a close waits for other programs' transactions
  std::optional<std::uint32_t> generation_;  ///< of the last look
  Loop::TimerId timer_ = 0;
};

}  // namespace agent
