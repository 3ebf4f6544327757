// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ipam/allocator/range.h"
#include "libcni/plugin/plugin.h"

namespace ipam_host_local {

struct Conf {
  std::string data_dir;
  std::vector<ipam::RangeSet> sets;  ///< runtimeConfig.ipRanges, then ipam.subnet, then ipam.ranges
  std::vector<cni::Route> routes;
  std::string resolv_conf;  ///< a path; empty for none
};

/// Every key that README.md has.
inline constexpr std::string_view kKeys =
    "ipam.type ipam.ranges[][].subnet ipam.ranges[][].rangeStart ipam.ranges[][].rangeEnd"
    " ipam.ranges[][].gateway ipam.subnet ipam.rangeStart ipam.rangeEnd ipam.gateway"
    " ipam.routes[].dst ipam.routes[].gw ipam.routes[].mtu ipam.routes[].advmss"
    " ipam.routes[].priority ipam.routes[].table ipam.routes[].scope ipam.dataDir ipam.resolvConf";

/// Throws code 7 for what means nothing, in the reference's words (reference-plugins 3.1).
Conf parse_conf(const cni::Request& request);

/// parse_conf() of a configuration alone: ranges that the runtime gives (capability `ipRanges`) are
/// not there yet and not missed.
void require_usable(const cni::Request& request);

/// All that DEL and GC need to know: whatever else is wrong with a configuration, its addresses can
/// be released (S-172).
std::string parse_data_dir(const cni::Request& request);

/// The addresses that CNI_ARGS, args.cni.ips and runtimeConfig.ips ask for, in this order; prefix
/// lengths are ignored. CNI_ARGS gives way to args where both name an address of one set (S-059).
std::vector<base::IpAddress> parse_requested(const cni::Request& request,
                                             const std::vector<ipam::RangeSet>& sets);

}  // namespace ipam_host_local
