// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "libcni/fabric/desired.h"
#include "libcni/firewall/iptables.h"

namespace agent {

/// Checks several times a second whether the legacy variant of iptables still has the node's rules:
/// for its tables the kernel neither sends events nor counts generations.
class LegacyCheck {
 public:
  /// Reads a table when it is small, when its size has changed, and at every tenth call.
  /// Throws std::system_error when a table cannot be read.
  bool is_right(const fabric::Desired& desired);
  std::size_t reads() const { return reads_; }  ///< number of tables read, for tests

 private:
  using Sizes = std::array<std::optional<firewall::LegacySize>, 2>;
  Sizes seen_;
  int unread_ = 0;  ///< calls since the tables were read
  std::size_t reads_ = 0;
};

}  // namespace agent
