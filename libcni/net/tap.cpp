// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>

#include <cstring>

#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/net/attributes.h"
#include "libcni/net/link.h"
#include "libcni/net/link_data.h"

namespace net {
namespace {

base::UniqueFd open_device() {
  base::UniqueFd device(::open(kTunDevice, O_RDWR | O_CLOEXEC));
  if (!device) base::throw_errno("open " + std::string(kTunDevice));
  return device;
}

std::string quoted(const std::string& name) {
  return "\"" + name + "\"";
}

/// Attaches to a new device, which exists as long as `device` is open.
void attach(const base::UniqueFd& device, const std::string& name, const Tap& tap) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  // Without IFF_TUN_EXCL, the kernel attaches to a device that has the name already.
  int flags = IFF_TAP | IFF_TUN_EXCL;
  if (tap.multi_queue) flags |= IFF_MULTI_QUEUE;
  if (tap.vnet_header) flags |= IFF_VNET_HDR;
  if (!tap.packet_info) flags |= IFF_NO_PI;
  request.ifr_flags = static_cast<short>(flags);
  if (::ioctl(device.get(), TUNSETIFF, &request) < 0)
    base::throw_errno("create tap " + quoted(name));
  if (tap.owner && ::ioctl(device.get(), TUNSETOWNER, static_cast<unsigned long>(*tap.owner)) < 0)
    base::throw_errno("set owner " + std::to_string(*tap.owner) + " of tap " + quoted(name));
  if (tap.group && ::ioctl(device.get(), TUNSETGROUP, static_cast<unsigned long>(*tap.group)) < 0)
    base::throw_errno("set group " + std::to_string(*tap.group) + " of tap " + quoted(name));
}

void make_persistent(const base::UniqueFd& device, const std::string& name) {
  if (::ioctl(device.get(), TUNSETPERSIST, 1UL) < 0)
    base::throw_errno("make tap " + quoted(name) + " persistent");
}

void read(Tap& tap, const nlattr& a) {
  switch (type_of(a)) {
    case IFLA_TUN_OWNER:
      tap.owner = u32_of(a);
      break;
    case IFLA_TUN_GROUP:
      tap.group = u32_of(a);
      break;
    case IFLA_TUN_PI:
      tap.packet_info = u8_of(a) != 0;
      break;
    case IFLA_TUN_VNET_HDR:
      tap.vnet_header = u8_of(a) != 0;
      break;
    case IFLA_TUN_MULTI_QUEUE:
      tap.multi_queue = u8_of(a) != 0;
      break;
    default:
      break;
  }
}

}  // namespace

void add_tap(Netlink& netlink, const base::Netns& netns, const TapLink& link, const Tap& tap) {
  base::UniqueFd device;
  netns.run([&] { device = open_device(); });
  attach(device, link.name, tap);
  complete_tap(netlink, link);
  make_persistent(device, link.name);
}

void create_tap(const std::string& name, const Tap& tap) {
  const base::UniqueFd device = open_device();
  attach(device, name, tap);
  make_persistent(device, name);
}

void complete_tap(Netlink& netlink, const TapLink& link) {
  Message message(RTM_NEWLINK, 0);
  message.extra<ifinfomsg>();
  message.put(IFLA_IFNAME, link.name).put(IFLA_IFALIAS, link.alias);
  if (link.mtu) message.put_u32(IFLA_MTU, static_cast<std::uint32_t>(*link.mtu));
  if (link.mac) message.put(IFLA_ADDRESS, link.mac->bytes);
  if (link.master != 0) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(link.master));
  netlink.request(message, "set MTU, MAC address, bridge and alias of tap " + quoted(link.name));
}

std::optional<Tap> find_tap(Netlink& netlink, int index) {
  std::optional<Tap> tap;
  bool is_tap = false;
  Tap found;
  read_link_data(netlink, index, [&](const nlattr& a) {
    if (type_of(a) == IFLA_TUN_TYPE) is_tap = u8_of(a) == IFF_TAP;
    read(found, a);
  });
  if (is_tap) tap = found;
  return tap;
}

void require_taps() {
  open_device();
}

}  // namespace net
