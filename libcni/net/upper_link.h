// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "libcni/base/mac.h"
#include "libcni/base/netns.h"
#include "libcni/net/netlink.h"

namespace net {

/// A link on top of another one, its lower link: macvlan, ipvlan, vlan; or on top of none: dummy.
struct UpperLink {
  std::string name;
  std::string kind;  ///< IFLA_INFO_KIND
  int lower = 0;     ///< index of the lower link, or 0
  std::uint32_t group = 0;
  std::optional<int> mtu = {};
  std::optional<base::Mac> mac = {};
  std::function<void(Message&)> put_data = {};  ///< puts the attributes of IFLA_INFO_DATA
};

/// Creates the link in `target`, down. `where` is a socket of the namespace of the lower link,
/// else of `target`.
/// Throws EEXIST when the name is taken, which Linux 6.1 looks for in both namespaces (6.18 only in
/// `target`), and EBUSY when the lower link does not allow such a link.
void add_upper_link(Netlink& where, const base::Netns& target, const UpperLink& link);

/// Gives the link its name and alias and puts it into group 0, in one request. Throws EEXIST when
/// the name is taken.
void name_link(Netlink& netlink, int index, const std::string& name, const std::string& alias);

/// MACVLAN_MODE_* of linux/if_link.h.
enum class MacvlanMode : std::uint32_t { isolated = 1, vepa = 2, bridge = 4, passthru = 8 };
/// The attributes of a macvlan; without `queue_length`, broadcasts wait in a queue of the kernel's
/// default length (kernel 5.11).
std::function<void(Message&)> macvlan_data(MacvlanMode mode,
                                           std::optional<std::uint32_t> queue_length);
/// The mode of the macvlan `index`; nothing when the link is gone or of another kind.
std::optional<MacvlanMode> find_macvlan_mode(Netlink& netlink, int index);

/// IPVLAN_MODE_* of linux/if_link.h.
enum class IpvlanMode : std::uint16_t { l2, l3, l3s };
std::function<void(Message&)> ipvlan_data(IpvlanMode mode);
std::optional<IpvlanMode> find_ipvlan_mode(Netlink& netlink, int index);

/// The attributes of a VLAN of 802.1Q.
std::function<void(Message&)> vlan_data(std::uint16_t id);
std::optional<std::uint16_t> find_vlan_id(Netlink& netlink, int index);

}  // namespace net
