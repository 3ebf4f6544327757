// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "libcni/plugin/plugin.h"

namespace ipam_static {

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ipam.type ipam.addresses[].address ipam.addresses[].gateway ipam.routes[].dst ipam.routes[].gw"
    " ipam.routes[].mtu ipam.routes[].advmss ipam.routes[].priority ipam.routes[].table"
    " ipam.routes[].scope ipam.dns.nameservers ipam.dns.domain ipam.dns.search ipam.dns.options";

/// Makes the result from the configuration and CNI_ARGS. Throws code 7 for an invalid value.
///
/// The addresses are `runtimeConfig.ips`; if absent, `args.cni.ips`; if absent, `ipam.addresses`
/// and those of CNI_ARGS `IP`.
cni::Result parse_result(const cni::Request& request);

/// Checks the parts that do not depend on a pod; for STATUS.
cni::Result parse_result_without_args(const cni::Request& request);

}  // namespace ipam_static
