// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "libcni/attach/living.h"
#include "libcni/firewall/hostport.h"

namespace portmap {

/// Judges holders of host ports. Reads links, addresses and routes when it is first asked, which is
/// when a port is taken: an ADD that finds its ports free pays nothing.
class Holders {
 public:
  /// `own` are the addresses of the container that asks.
  explicit Holders(std::set<base::IpAddress> own = {}) : own_(std::move(own)) {}

  /// A holder is dead when its host end is gone, or when neither a link nor a reservation has its
  /// address. One that this host cannot look at is alive.
  bool is_dead(const firewall::HostPortHold& hold);

 private:
  const attach::Living& living();
  std::set<base::IpAddress> own_;
  std::optional<attach::Living> living_;
};

}  // namespace portmap
