// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "plugins/tuning/conf.h"

namespace tuning {

/// `result` with the MAC address as it is written in the configuration, and with the MTU where the
/// result has one, in the entries of the container's link: those named `ifname`, without entries of
/// links of the host of the same name.
cni::Result changed_result(const Conf& conf, cni::Result result, const std::string& ifname);

/// The container's link in `result`; nullptr when it has none.
const cni::Interface* find_interface(const cni::Result& result, const std::string& ifname);

/// Throws cni::Error(7) for an MTU with which the kernel would remove the IPv6 addresses of
/// `result` from the link.
void require_room_for_ipv6(const Conf& conf, const cni::Result& result, const std::string& ifname);

}  // namespace tuning
