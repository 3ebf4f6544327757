// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "agent/loop/loop.h"
#include "libcni/nft/nft.h"

namespace agent {

/// Calls back within a second when another program changed or removed rules that the agent needs.
/// Polls the generation of the rule set, because nf_tables' events would cost every program a
/// message for each rule that it changes. The legacy variant of iptables has neither generations
/// nor events, so it is checked at each look.
class FilterWatch {
 public:
  /// Both compare the rules with the wanted ones, not with those found earlier: another program may
  /// have changed them before the first look. Both may throw std::system_error.
  struct Checks {
    std::function<bool(nft::Nft&)> nft;  ///< called after a transaction of any program
    std::function<bool()> legacy = [] { return true; };  ///< called at each look
  };

  FilterWatch(Loop& loop, Checks checks, std::function<void()> on_change,
              std::chrono::milliseconds interval = std::chrono::milliseconds(500));
  FilterWatch(const FilterWatch&) = delete;
  FilterWatch& operator=(const FilterWatch&) = delete;
  ~FilterWatch();

  /// Call once the rules are made; further calls do nothing. Throws where nf_tables is missing.
  void start();

 private:
  void look();
  bool is_changed();
  bool is_legacy_changed();
  Loop& loop_;
  Checks checks_;
  std::function<void()> on_change_;
  std::chrono::milliseconds interval_;
  std::optional<nft::Nft> nft_;  ///< kept: a close waits for other programs' transactions
  std::optional<std::uint32_t> generation_;  ///< of the last look
  bool legacy_unreadable_ = false;           ///< as of the last look
  Loop::TimerId timer_ = 0;
};

}  // namespace agent
