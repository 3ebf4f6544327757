// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/plugin/plugin.h"

namespace ipam_static {

/// The whole result follows from the configuration and CNI_ARGS. Throws code 7 for what means
/// nothing.
///
/// Addresses: `ipam.addresses` and those of CNI_ARGS `IP`; instead of all these `args.cni.ips`, and
/// instead of everything `runtimeConfig.ips` (reference-plugins 3.2).
cni::Result parse_result(const cni::Request& request);

/// The same without a pod: what STATUS can check (S-211).
cni::Result parse_result_without_args(const cni::Request& request);

}  // namespace ipam_static
