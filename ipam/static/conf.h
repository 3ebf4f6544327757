// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "libcni/plugin/plugin.h"

namespace ipam_static {

/// Every key that README.md documents.
inline constexpr std::string_view kKeys =
    "ipam.type:string ipam.addresses[].address:string ipam.addresses[].gateway:string"
    " ipam.routes[].dst:string ipam.routes[].gw:string ipam.routes[].mtu:uint"
    " ipam.routes[].advmss:uint ipam.routes[].priority:uint ipam.routes[].table:uint"
    " ipam.routes[].scope:uint ipam.dns.nameservers[]:string ipam.dns.domain:string"
    " ipam.dns.search[]:string ipam.dns.options[]:string";

/// Makes the result from the configuration and CNI_ARGS. Throws code 7 for an invalid value.
///
/// The addresses are `runtimeConfig.ips`; if absent, `args.cni.ips`; if absent, `ipam.addresses`
/// and those of CNI_ARGS `IP`.
cni::Result parse_result(const cni::Request& request);

/// Checks the parts that do not depend on a pod; for STATUS.
cni::Result parse_result_without_args(const cni::Request& request);

}  // namespace ipam_static
