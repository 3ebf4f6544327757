// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "libcni/plugin/plugin.h"
#include "plugins/host-device/conf.h"

namespace host_device {

/// A link of a device, and the name that it had on the host before ADD.
struct OwnDevice {
  net::Link link;
  std::string former_name;
};

/// Finds the device of an attachment. Its alias is its former name, as the reference writes it, and
/// does not name an owner: the configuration and prevResult tell which one it is. Both may be
/// incomplete.
class DeviceSearch {
 public:
  DeviceSearch(net::Netlink& host, const cni::Request& request, const Conf& conf)
      : host_(host), request_(request), conf_(conf) {}

  /// The device in the sandbox, also under another name than CNI_IFNAME.
  std::optional<OwnDevice> find_in(net::Netlink& sandbox) const;
  /// The device on the host, where the kernel puts it when its namespace ends: down, with the alias
  /// and its name in the pod. Nothing when it has its former name again.
  std::optional<OwnDevice> find_returned() const;

 private:
  bool has_mac_of_result(const net::Link& link) const;
  bool fits(net::Netlink& where, const net::Link& link) const;
  bool contradicts(const net::Link& link) const;
  std::optional<net::Link> find_on_host() const;

  net::Netlink& host_;
  const cni::Request& request_;
  const Conf& conf_;
};

}  // namespace host_device
