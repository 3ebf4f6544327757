// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/ip.h"
#include "libcni/net/link.h"

namespace net {

/// The attributes of a VXLAN device that cannot change after its creation.
struct VxlanTunnel {
  std::uint32_t vni = 0;
  std::uint16_t port = 0;
  std::optional<base::IpAddress> local = {};
  int parent = 0;         ///< index of the link it is bound to, or 0
  bool learning = false;  ///< learn FDB entries from received frames
  bool external = false;  ///< flow based: the VNI comes with the packet
  bool v6 = false;        ///< outer packets are IPv6
  bool operator==(const VxlanTunnel&) const = default;
};

struct VxlanLink {
  Link link;
  VxlanTunnel tunnel;
  /// The device's sysctls that the kernel includes in the dump, which saves reading the files.
  std::optional<std::uint32_t> rp_filter = {};
  std::optional<std::uint32_t> accept_ra = {};
};
/// Every VXLAN device of the namespace.
std::vector<VxlanLink> list_vxlan(Netlink& netlink);

struct VxlanSpec {
  std::string name;
  VxlanTunnel tunnel;  ///< with `local`
  base::Mac mac;
  int mtu = 1450;
  int master = 0;  ///< index of its bridge, or 0
};
/// Creates the device, down. Its MAC address is in the request, so that udev does not replace a
/// random one. Outer UDP checksums are off over IPv4 and on over IPv6. Throws EEXIST when the name,
/// or VNI and port, are taken.
void add_vxlan(Netlink& netlink, const VxlanSpec& spec);

}  // namespace net
