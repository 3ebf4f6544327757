// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "libcni/plugin/plugin.h"

namespace ipam_static {

/// Every key that README.md has.
inline constexpr std::string_view kKeys =
    "ipam.type ipam.addresses[].address ipam.addresses[].gateway ipam.routes[].dst ipam.routes[].gw"
    " ipam.routes[].mtu ipam.routes[].advmss ipam.routes[].priority ipam.routes[].table"
    " ipam.routes[].scope ipam.dns.nameservers ipam.dns.domain ipam.dns.search ipam.dns.options";

/// The whole result follows from the configuration and CNI_ARGS. Throws code 7 for what means
/// nothing.
///
/// Addresses: `ipam.addresses` and those of CNI_ARGS `IP`; instead of all these `args.cni.ips`, and
/// instead of everything `runtimeConfig.ips` (reference-plugins 3.2).
cni::Result parse_result(const cni::Request& request);

/// The same without a pod: what STATUS can check (S-211).
cni::Result parse_result_without_args(const cni::Request& request);

}  // namespace ipam_static
