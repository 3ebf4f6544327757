// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libcni/base/mac.h"
#include "libcni/base/netns.h"
#include "libcni/net/netlink.h"

namespace net {

/// The device through which tap devices are made (Documentation/networking/tuntap.rst).
inline constexpr const char* kTunDevice = "/dev/net/tun";

/// The properties that TUNSETIFF and its kin give a tap device. The program that attaches to the
/// device later chooses `packet_info` and `vnet_header` anew, but not `multi_queue`.
struct Tap {
  bool multi_queue = false;
  bool packet_info = false;
  bool vnet_header = false;
  std::optional<std::uint32_t> owner =
      {};  ///< user ID that may attach to it; none: any with rights
  std::optional<std::uint32_t> group = {};
  bool operator==(const Tap&) const = default;
};

/// The changes by netlink of a new tap device.
struct TapLink {
  std::string name;
  std::optional<int> mtu = {};
  std::optional<base::Mac> mac = {};
  int master = 0;  ///< index of its bridge, or 0
  std::string alias = {};
};

/// Creates a persistent tap device in `netns`, where `netlink` was opened. The kernel keeps it only
/// after its last step: a failure leaves nothing behind. Throws EBUSY or EINVAL when the name is
/// taken, ENOENT or EPERM when this process cannot use kTunDevice.
void add_tap(Netlink& netlink, const base::Netns& netns, const TapLink& link, const Tap& tap);
/// Creates the device alone, in the caller's namespace.
void create_tap(const std::string& name, const Tap& tap);
/// Changes the device after create_tap().
void complete_tap(Netlink& netlink, const TapLink& link);

/// The properties of link `index`; nothing when it is gone or not a tap device.
std::optional<Tap> find_tap(Netlink& netlink, int index);

/// Throws when this process cannot use kTunDevice.
void require_taps();

}  // namespace net
