// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libcni/base/mac.h"
#include "libcni/plugin/plugin.h"

namespace host_device {

/// The configuration of one attachment, checked (README.md has the keys). The first of the ways to
/// name a device that is not empty counts.
struct Conf {
  std::string device = {};
  std::optional<base::Mac> mac = {};
  std::string kernel_path = {};
  std::string pci_bus_id = {};
  /// The runtime's choice: a PCI device, else one of the auxiliary bus.
  std::string device_id = {};
  bool accept_ra = true;
  std::optional<cni::Dns> dns = {};  ///< replaces IPAM's

  bool names_device() const {
    return !device.empty() || mac || !kernel_path.empty() || !pci_bus_id.empty() ||
           !device_id.empty();
  }
};

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "device:string hwaddr:string kernelpath:string pciBusID:string runtimeConfig.deviceID:string"
    " acceptRa:bool ipam:object dns.nameservers[]:string dns.domain:string dns.search[]:string"
    " dns.options[]:string";

/// Throws cni::Error(6) for a wrong type and (7) for a wrong value, naming the key.
Conf parse_conf(const cni::Request& request);

/// Throws cni::Error(7) when no key names a device.
void require_device(const Conf& conf);

}  // namespace host_device
