// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"
#include "libcni/base/unique_fd.h"

namespace net {

/// A change in the network of this namespace, reported by rtnetlink's multicast groups.
struct Event {
  enum class Kind {
    link,
    address,
    route,
    neighbor,
    forwarding,  ///< the setting for all links of one family; `removed`: it was turned off
    lost         ///< the kernel dropped some (ENOBUFS): anything may have changed
  };
  Kind kind = Kind::lost;
  bool removed = false;
  int index = 0;                                 ///< of the link, 0 for routes
  std::string name = {};                         ///< of the link; for Kind::link only
  std::uint8_t protocol = 0;                     ///< rtm_protocol or NDA_PROTOCOL
  std::optional<base::Mac> fdb = {};             ///< the MAC address, for an FDB entry
  std::optional<base::IpAddress> neighbor = {};  ///< the address, for a neighbour
  std::optional<base::Prefix> address = {};      ///< the link's address, for Kind::address
  base::Prefix destination = {};                 ///< for a route of the main table, with its metric
  std::uint32_t metric = 0;
};

/// A subscription to links, addresses, forwarding, routes and neighbours, for a program that
/// maintains routes and neighbours. Only removals and replacements of routes and neighbours are
/// reported, and none that came through the rtnetlink socket `own_port`. A filter inside the kernel
/// drops the rest, so that 5000 routes that the program adds do not fill the buffer. For FDB
/// entries, and for removed neighbours, the kernel does not report the origin: changed FDB entries
/// are not reported, removed entries of both kinds are, also the program's own.
class Events {
 public:
  explicit Events(std::uint32_t own_port);
  int fd() const { return fd_.get(); }  ///< readable when there is an event; never blocks
  /// Takes all pending events.
  void read(const std::function<void(const Event&)>& on_event);

 private:
  base::UniqueFd fd_;
};

}  // namespace net
