// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "libcni/net/link.h"
#include "libcni/net/netlink.h"
#include "plugins/host-device/conf.h"

namespace host_device {

/// The files of the kernel that describe devices; another folder in tests. They list the links of
/// one network namespace: that in which sysfs was mounted, the host's.
inline constexpr const char* kSys = "/sys";

/// The PCI device that the configuration names, with deviceID before pciBusID; empty when it names
/// none. Throws cni::Error(7) when neither bus has a device of that ID.
std::string get_pci_device(const Conf& conf, const std::string& sys = kSys);
/// Returns whether a driver for programs in user space has the PCI device of get_pci_device(): it
/// has no link then. Throws cni::Error(7) when the device does not exist.
bool is_for_user_space(const Conf& conf, const std::string& sys = kSys);

/// The link on the host that the configuration names; nothing when it is not there.
std::optional<net::Link> find_device(net::Netlink& host, const Conf& conf,
                                     const std::string& sys = kSys);

/// Throws `when_missing` unless the folder that the configuration names in sysfs exists. Such a
/// device keeps it while a pod has the link.
void require_folder(const Conf& conf, cni::Code when_missing, const std::string& sys = kSys);

}  // namespace host_device
