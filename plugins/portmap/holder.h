// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "libcni/attach/living.h"
#include "libcni/firewall/hostport.h"

namespace portmap {

/// Decides whether holders of host ports are alive. Reads links, addresses and routes when it is
/// first asked, which is when a port is taken: an ADD whose ports are free reads nothing.
class Holders {
 public:
  /// `own` are the addresses of the container that asks.
  explicit Holders(std::set<base::IpAddress> own = {}) : own_(std::move(own)) {}

  /// A holder is dead when its host end is gone, or when neither a link nor a reservation has its
  /// address. A holder that this host cannot inspect counts as alive.
  bool is_dead(const firewall::HostPortHold& hold);

 private:
  const attach::Living& living();
  std::set<base::IpAddress> own_;
  std::optional<attach::Living> living_;
};

}  // namespace portmap
