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

/// Something changed in the network of this namespace, told by rtnetlink's multicast groups.
struct Event {
  enum class Kind {
    link,
    address,
    route,
    neighbor,
    forwarding,  ///< of all links, of one family; `removed`: it was turned off
    lost         ///< the kernel dropped some (ENOBUFS): anything may have changed
  };
  Kind kind = Kind::lost;
  bool removed = false;
  int index = 0;                                 ///< of the link, 0 for routes
  std::string name = {};                         ///< of the link; for Kind::link only
  std::uint8_t protocol = 0;                     ///< rtm_protocol or NDA_PROTOCOL
  std::optional<base::Mac> fdb = {};             ///< the MAC, where it is about an FDB entry
  std::optional<base::IpAddress> neighbor = {};  ///< the address, where it is about a neighbour
  std::optional<base::Prefix> address = {};      ///< the link's own, for Kind::address
  base::Prefix destination = {};                 ///< of a route of the main table, with its metric
  std::uint32_t metric = 0;
};

/// A subscription to links, addresses, forwarding, routes and neighbours, for somebody who keeps
/// routes and neighbours as they should be: of these two, only removals and replacements are told,
/// and none that came through the rtnetlink socket `own_port`. A filter inside the kernel drops the
/// rest, so that 5000 routes of one's own fill no buffer. Of FDB entries, and of neighbours that
/// are removed, the kernel does not say who it was: changed FDB entries are not told, removed ones
/// of both are, own ones too.
class Events {
 public:
  explicit Events(std::uint32_t own_port);
  int fd() const { return fd_.get(); }  ///< readable when there is something; never blocks
  /// Takes all that has come.
  void read(const std::function<void(const Event&)>& on_event);

 private:
  base::UniqueFd fd_;
};

}  // namespace net
