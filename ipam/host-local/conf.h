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

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ipam.type:string ipam.ranges[][].subnet:string ipam.ranges[][].rangeStart:string"
    " ipam.ranges[][].rangeEnd:string ipam.ranges[][].gateway:string ipam.subnet:string"
    " ipam.rangeStart:string ipam.rangeEnd:string ipam.gateway:string"
    " ipam.routes[].dst:string ipam.routes[].gw:string ipam.routes[].mtu:uint"
    " ipam.routes[].advmss:uint ipam.routes[].priority:uint ipam.routes[].table:uint"
    " ipam.routes[].scope:uint ipam.dataDir:string ipam.resolvConf:string";

/// Parses and checks the configuration. Throws code 7 for an invalid value, in the words of the
/// reference plugin.
Conf parse_conf(const cni::Request& request);

/// Like parse_conf(), for a configuration that is checked without a pod: ranges that the runtime
/// would pass (capability `ipRanges`) may be missing.
void require_usable(const cni::Request& request);

/// Reads only the keys that DEL and GC need, so that an otherwise broken configuration does not
/// prevent its addresses from being released.
std::string parse_data_dir(const cni::Request& request);

/// The addresses that CNI_ARGS, args.cni.ips and runtimeConfig.ips ask for, in this order; prefix
/// lengths are ignored. Where CNI_ARGS and args both name an address of one set, args wins.
std::vector<base::IpAddress> parse_requested(const cni::Request& request,
                                             const std::vector<ipam::RangeSet>& sets);

}  // namespace ipam_host_local
