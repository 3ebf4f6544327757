// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/loop.h"
#include "libcni/net/nft.h"

namespace agent {

/// Says within seconds when somebody else changed or removed the rules of the agent's nf_tables
/// table. It asks for the rule set's generation, because nf_tables' events would cost every
/// program that changes rules a message for each of them.
class FilterWatch {
 public:
  FilterWatch(Loop& loop, std::function<void()> on_change);
  FilterWatch(const FilterWatch&) = delete;
  FilterWatch& operator=(const FilterWatch&) = delete;
  ~FilterWatch();

  /// The rules are right as they are now. Throws where there is no nf_tables.
  void remember();

 private:
  void look();
  bool is_changed();
  Loop& loop_;
  std::function<void()> on_change_;
  std::optional<net::nft::Nft> nft_;  ///< kept: a close waits for other programs' transactions
  std::uint32_t generation_ = 0;
  std::string mark_;
  Loop::TimerId timer_ = 0;
};

}  // namespace agent
