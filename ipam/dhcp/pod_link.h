// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "ipam/dhcp/packet.h"
#include "libcni/base/netns.h"
#include "libcni/base/unique_fd.h"
#include "libcni/spec/result.h"

namespace ipam_dhcp {

/// A pod's link while DHCP messages are exchanged over it. It is closed afterwards, because a
/// socket keeps the pod's namespace alive.
class PodLink {
 public:
  /// Opens the namespace, puts the link up and a packet socket on it. Throws std::system_error:
  /// ENOENT or ENODEV when the namespace or the link does not exist.
  PodLink(const std::string& netns, const std::string& ifname);

  int fd() const { return socket_.get(); }
  const base::Mac& mac() const { return mac_; }

  /// From 0.0.0.0, or from the packet's ciaddr, to everyone on the link.
  void broadcast(const Packet& packet) const;
  /// From the packet's ciaddr, which the link must have, to `server`.
  void unicast(const Packet& packet, const base::IpAddress& server);
  /// Takes the next message. Nothing when none is waiting, or when it is not an answer of a server
  /// to this link.
  std::optional<Packet> receive() const;

  void set_down() const;
  /// Gives the link the address and routes of `now` in place of those of `before`.
  void replace(const cni::Result& before, const cni::Result& now) const;

 private:
  base::Netns netns_;
  std::string ifname_;
  int index_ = 0;
  base::Mac mac_;
  base::UniqueFd socket_;
  base::UniqueFd udp_;  ///< stays open while an answer may come: else the kernel refuses it by ICMP
};

}  // namespace ipam_dhcp
