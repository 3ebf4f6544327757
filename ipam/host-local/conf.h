// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
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

/// Throws code 7 for what means nothing, in the reference's words (reference-plugins 3.1).
Conf parse_conf(const cni::Request& request);

/// All that DEL and GC need to know: whatever else is wrong with a configuration, its addresses can
/// be released (S-172).
std::string parse_data_dir(const cni::Request& request);

/// The addresses that CNI_ARGS, args.cni.ips and runtimeConfig.ips ask for, in this order; prefix
/// lengths are ignored. CNI_ARGS gives way to args where both name an address of one set (S-059).
std::vector<base::IpAddress> parse_requested(const cni::Request& request,
                                             const std::vector<ipam::RangeSet>& sets);

}  // namespace ipam_host_local
